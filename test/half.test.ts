/** Conversion between float32 and 16 bits, of every backend and instruction set: docs/numerics.md, section 11. */
import {
  BatchNorm,
  backward,
  forwardInference,
  forwardTraining,
  fromBfloat16,
  fromFloat16,
  toBfloat16,
  toFloat16,
} from 'batchnorm';
import * as assert from 'uvu/assert';
import type { HalfDtype } from '#dist/kernels.js';
import { allUnderTest } from './support/backends.js';
import { skipAloud } from './support/runner.js';
import { suiteOf } from './support/suite.js';

interface Format {
  readonly fraction: number;
  /** Exponents of the least normal and of the largest number. */
  readonly least: number;
  readonly largest: number;
}

const FORMATS: Readonly<Record<HalfDtype, Format>> = {
  float16: { fraction: 10, least: -14, largest: 15 },
  bfloat16: { fraction: 7, least: -126, largest: 127 },
};
const DTYPES = Object.keys(FORMATS) as HalfDtype[];
const ALL = Uint16Array.from({ length: 2 ** 16 }, (_, bits) => bits);

/** The value of 16 bits, by the formula of IEEE 754. */
function numberOf(bits: number, { fraction, least, largest }: Format): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits & 0x7fff) >>> fraction;
  const rest = bits & (2 ** fraction - 1);
  if (exponent === largest - least + 2) return rest === 0 ? sign * Infinity : NaN;
  if (exponent === 0) return sign * rest * 2 ** (least - fraction);
  return sign * (2 ** fraction + rest) * 2 ** (least - fraction + exponent - 1);
}

const isNaN16 = (bits: number, { fraction, least, largest }: Format) =>
  (bits & 0x7fff) > (largest - least + 2) << fraction;

/** Floats around the border between each number of 16 bits above 0 and the next one, and what each must round to. */
function borders(format: Format): { values: Float32Array; expected: Uint16Array } {
  const values: number[] = [];
  const expected: number[] = [];
  const infinite = (format.largest - format.least + 2) << format.fraction;
  const bits = new Int32Array(1);
  const float = new Float32Array(bits.buffer);
  for (let half = 0; half < infinite; half++) {
    const below = numberOf(half, format);
    const next = half + 1 < infinite ? numberOf(half + 1, format) : 2 ** (format.largest + 1);
    float[0] = below / 2 + next / 2;
    assert.is(float[0], below / 2 + next / 2, 'borders are float32');
    const middle = bits[0];
    for (const [step, rounded] of [
      [-1, half],
      [0, half + (half % 2)],
      [1, half + 1],
    ]) {
      bits[0] = middle + step;
      values.push(float[0], -float[0]);
      expected.push(rounded, rounded | 0x8000);
    }
  }
  return { values: Float32Array.from(values), expected: Uint16Array.from(expected) };
}

const hex = (bits: number | undefined) => `0x${bits?.toString(16)}`;

for (const backend of allUnderTest()) {
  const test = suiteOf(`${backend.name}/${backend.isa}: conversion of 16 bits`);
  for (const dtype of DTYPES) {
    const format = FORMATS[dtype];

    test(`${dtype}: all patterns are widened exactly`, () => {
      const wide = new Float32Array(ALL.length);
      backend.kernels()[dtype].widen(wide, ALL);
      const wrong = ALL.findIndex((bits) => !Object.is(wide[bits], numberOf(bits, format)));
      assert.is(wrong, -1, `${hex(wrong)} became ${wide[wrong]}, not ${numberOf(wrong, format)}`);
    });

    test(`${dtype}: all patterns come back, and NaN becomes quiet`, () => {
      const wide = new Float32Array(ALL.length);
      const back = new Uint16Array(ALL.length);
      backend.kernels()[dtype].widen(wide, ALL);
      backend.kernels()[dtype].round(back, wide);
      const quiet = 2 ** (format.fraction - 1);
      const expected = ALL.map((bits) => (isNaN16(bits, format) ? bits | quiet : bits));
      const wrong = back.findIndex((bits, k) => bits !== expected[k]);
      assert.is(wrong, -1, `${hex(wrong)} became ${hex(back[wrong])}, not ${hex(expected[wrong])}`);
    });

    test(`${dtype}: what is half-way goes to the even neighbour, what is not to the nearest`, () => {
      const { values, expected } = borders(format);
      const rounded = new Uint16Array(values.length);
      backend.kernels()[dtype].round(rounded, values);
      const wrong = rounded.findIndex((bits, k) => bits !== expected[k]);
      assert.is(wrong, -1, `${values[wrong]} became ${hex(rounded[wrong])}, not ${hex(expected[wrong])}`);
    });

    test(`${dtype}: the ends of float32`, () => {
      const bits = Uint32Array.of(0, 1, 0x7fffff, 0x800000, 0x7f7fffff, 0x7f800000, 0x7f800001, 0x7fc00000, 0x7fffffff);
      const signed = Uint32Array.from([...bits, ...bits.map((one) => one | 0x80000000)]);
      const rounded = new Uint16Array(signed.length);
      backend.kernels()[dtype].round(rounded, new Float32Array(signed.buffer));
      const least = { float16: 0, bfloat16: 0x80 }[dtype];
      const [infinite, quiet, last] = { float16: [0x7c00, 0x7e00, 0x7fff], bfloat16: [0x7f80, 0x7fc0, 0x7fff] }[dtype];
      const expected = [0, 0, least, least, infinite, infinite, quiet, quiet, last];
      assert.equal([...rounded], [...expected, ...expected.map((one) => one | 0x8000)]);
    });

    test(`${dtype}: numbers that are not finite, at any place among those that are`, () => {
      const infinite = (format.largest - format.least + 2) << format.fraction;
      const specials = [infinite, infinite | 0x8000, infinite | (2 ** (format.fraction - 1)) | 1];
      for (let at = 0; at < 80; at++) {
        const bits = Uint16Array.from({ length: 80 }, (_, k) => (k === at ? specials[at % 3] : 0x3b79 + 9 * k));
        const wide = new Float32Array(bits.length);
        backend.kernels()[dtype].widen(wide, bits);
        assert.equal(
          [...wide],
          [...bits].map((one) => numberOf(one, format)),
        );
        const back = new Uint16Array(bits.length);
        backend.kernels()[dtype].round(back, wide);
        assert.equal(back, bits);
      }
    });

    test(`${dtype}: any length, from any place on, and nothing beside it`, () => {
      for (let length = 1; length <= 70; length++) {
        const start = length % 9;
        const from = ALL.subarray(0x3c00 + start, 0x3c00 + start + length);
        const wide = new Float32Array(length + 8).fill(7);
        backend.kernels()[dtype].widen(wide.subarray(3, 3 + length), from);
        const rounded = new Uint16Array(length + 8).fill(7);
        backend.kernels()[dtype].round(rounded.subarray(5, 5 + length), wide.subarray(3, 3 + length));
        const values = Array.from(from, (bits) => numberOf(bits, format));
        assert.equal([...wide], [7, 7, 7, ...values, 7, 7, 7, 7, 7], `length ${length}`);
        assert.equal([...rounded], [7, 7, 7, 7, 7, ...from, 7, 7, 7], `length ${length}`);
      }
    });
  }
}

const Float16 = Reflect.get(globalThis, 'Float16Array') as Float16Constructor | undefined;

/** What this file uses of Float16Array, which TypeScript's library has from ESNext on. */
interface Float16Constructor {
  new (length: number): Uint16Array;
  new (buffer: ArrayBufferLike): Uint16Array;
  from(values: Float32Array): Uint16Array;
}

if (Float16 === undefined) {
  skipAloud('Float16Array', `${process.version} has none`);
} else {
  const test = suiteOf('16 bits: Float16Array of the runtime');

  test('all patterns and all borders are converted as here', () => {
    const own = fromFloat16(ALL);
    const theirs = Float32Array.from(new Float16(ALL.slice().buffer));
    assert.is(
      own.findIndex((value, bits) => !Object.is(value, theirs[bits])),
      -1,
    );
    const { values, expected } = borders(FORMATS.float16);
    assert.equal(new Uint16Array(Float16.from(values).buffer), expected);
    const out = new Float16(values.length);
    assert.is(toFloat16(values, { out: out as never }), out);
    assert.equal(new Uint16Array(out.buffer), expected);
  });

  test('functions take it, and give it, without a dtype', () => {
    const numbers = Float32Array.from({ length: 60 }, (_, k) => Math.sin(k) * 3 + (k % 5));
    const bits = toFloat16(numbers);
    const x = new Float16(bits.slice().buffer);
    const gamma = Float32Array.of(1, 2, 3, 4, 5);
    const own = forwardTraining(bits, [12, 5], { dtype: 'float16', gamma });
    const { y, mean, variance } = forwardTraining(x as never, [12, 5], { gamma });
    assert.is(Object.prototype.toString.call(y), '[object Float16Array]');
    assert.equal(bitsOf(y), own.y);
    assert.equal([mean, variance], [own.mean, own.variance]);
    const options = { mean, variance, gamma };
    const { dx, dgamma } = backward(y as never, x as never, [12, 5], options);
    const expected = backward(own.y, bits, [12, 5], { ...options, dtype: 'float16' });
    assert.equal(bitsOf(dx), expected.dx);
    assert.equal(dgamma, expected.dgamma);
    const infer = forwardInference(x as never, [12, 5], { ...options, out: x as never });
    assert.is(infer, x);
    assert.equal(bitsOf(infer), forwardInference(bits, [12, 5], { ...options, dtype: 'float16' }));
    assert.throws(() => forwardTraining(x, [12, 5], { dtype: 'bfloat16' }), /"x" expected Uint16Array of length 60/);
  });

  test('a layer of float16 takes it, and gives it, whatever way its batches go', () => {
    const bits = toFloat16(Float32Array.from({ length: 60 }, (_, k) => Math.sin(k) * 3 + (k % 5)));
    const floats = () => new Float16(bits.slice().buffer);
    const mask = Array.from({ length: 12 }, (_, k) => (k % 3 === 1 ? 0 : 1));
    for (const options of [{}, { ghostBatchSize: 4, grouping: 'interleaved' }, { renorm: true }] as const) {
      const [own, other] = [0, 1].map(() => new BatchNorm(5, { dtype: 'float16', activation: 'relu', ...options }));
      for (const step of [{}, { mask }]) {
        const expected = own.forward(bits, [12, 5], { ...step, residual: bits });
        const y = other.forward(floats(), [12, 5], { ...step, residual: floats() });
        assert.is(Object.prototype.toString.call(y), '[object Float16Array]');
        assert.equal(bitsOf(y), expected);
        const dx = own.backward(bits);
        assert.equal(bitsOf(other.backward(floats(), { out: y })), dx);
        assert.is(Object.prototype.toString.call(other.dresidual), '[object Float16Array]');
        assert.equal(bitsOf(other.dresidual!), own.dresidual);
        assert.equal([other.dgamma, other.state()], [own.dgamma, own.state()]);
      }
      assert.throws(() => other.forward(bits, [12, 5], { out: floats() }), /"out" expected Uint16Array of length 60/);
      other.forward(floats(), [12, 5]);
      assert.throws(() => other.backward(bits), /"dy" expected Float16Array of length 60/);
    }
    const brain = new BatchNorm(5, { dtype: 'bfloat16' });
    assert.throws(() => brain.forward(floats(), [12, 5]), /"x" expected Uint16Array of length 60/);
  });
}

function bitsOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint16Array {
  return new Uint16Array(buffer, byteOffset, byteLength / 2);
}

const facade = suiteOf('16 bits: public conversions');

facade('of no elements, into out, and of a part of a buffer', () => {
  for (const [round, widen] of [[toFloat16, fromFloat16] as const, [toBfloat16, fromBfloat16] as const]) {
    assert.equal(round(new Float32Array(0)), new Uint16Array(0));
    assert.equal(widen(new Uint16Array(0)), new Float32Array(0));
    const values = Float32Array.of(9, 1, -2, 0.5, 9).subarray(1, 4);
    const [bits, back] = [new Uint16Array(3), new Float32Array(3)];
    assert.is(round(values, { out: bits }), bits);
    assert.is(widen(bits, { out: back }), back);
    assert.equal(back, values.slice());
  }
});

facade('mistakes are named', () => {
  const values = new Float32Array(4);
  const wrong =
    (call: (...given: never[]) => unknown, ...given: unknown[]) =>
    () =>
      call(...(given as never[]));
  assert.throws(wrong(toFloat16, new Float64Array(4)), /toFloat16: "values" expected Float32Array, got Float64Array/);
  assert.throws(wrong(fromBfloat16, values), /fromBfloat16: "values" expected Uint16Array, got Float32Array/);
  assert.throws(wrong(fromFloat16, [1]), /fromFloat16: "values" expected Uint16Array or Float16Array, got Array/);
  assert.throws(wrong(toBfloat16, values, { out: new Uint16Array(3) }), /"out" expected Uint16Array of length 4 .* 3/);
  assert.throws(wrong(toBfloat16, values, { to: null }), /"to"/);
  const out = new Uint16Array(values.buffer, 0, 4);
  assert.throws(wrong(toBfloat16, values, { out }), /"out" expected memory of its own, got an overlap with "values"/);
});
