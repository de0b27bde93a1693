/**
 * Every backend and instruction set gives the bits of the reference, for every shape, class of data and way of calling.
 */
import * as assert from 'uvu/assert';
import type { Kernels } from '#dist/kernels.js';
import { allUnderTest, type BackendUnderTest } from './support/backends.js';
import { callAll, type Result, VARIANTS, type Variant } from './support/calls.js';
import { DATA, inputsOf, type KernelInputs } from './support/data.js';
import { SHAPES } from './support/shapes.js';
import { suiteOf } from './support/suite.js';
import { firstDifference, flipBit, KERNEL_DTYPES } from './support/tensors.js';

const [reference, ...others] = allUnderTest();
const SMALL = 300;

const agreement = suiteOf(`agreement: ${others.map(({ name, isa }) => `${name}/${isa}`).join(', ')}`);
SHAPES.forEach((shape, row) => {
  agreement(`n ${shape.n}, c ${shape.c}, s ${shape.s}`, () => {
    const small = shape.n * shape.c * shape.s <= SMALL;
    for (const dtype of KERNEL_DTYPES) {
      Object.keys(DATA).forEach((dataClass, column) => {
        const inputs = inputsOf(dataClass, dtype, shape);
        // Large shapes take two variants of each class in turn: each variant meets each shape, and each class.
        const turn = (2 * (row + column)) % VARIANTS.length;
        const turns = small ? VARIANTS : VARIANTS.slice(turn, turn + 2);
        for (const variant of turns) agreeOn(inputs, variant, shape.offset);
      });
    }
  });
});

agreement('with arrays that start anywhere', () => {
  const all = KERNEL_DTYPES.map((dtype) => inputsOf('normal', dtype, { n: 3, c: 5, s: 37 }));
  for (let offset = 0; offset < 16; offset++) {
    for (const inputs of all) for (const variant of VARIANTS) agreeOn(inputs, variant, offset);
  }
});

agreement('with an epsilon of 0, and a large one', () => {
  for (const dtype of KERNEL_DTYPES) {
    for (const dataClass of Object.keys(DATA)) {
      for (const epsilon of [0, 100]) {
        const inputs = inputsOf(dataClass, dtype, { n: 7, c: 6, s: 3 }, epsilon);
        for (const variant of VARIANTS) agreeOn(inputs, variant, 1);
      }
    }
  }
});

function agreeOn(inputs: KernelInputs, variant: Variant, offset: number): void {
  const expected = callAll(reference.kernels(), inputs, variant, offset);
  assert.is(expected.violation, null, `${nameOf(reference)}: ${expected.violation}: ${describe(inputs, variant)}`);
  for (const backend of others) {
    const difference = compare(callAll(backend.kernels(), inputs, variant, offset), expected);
    assert.is(difference, null, `${nameOf(backend)}: ${difference}: ${describe(inputs, variant)}, offset ${offset}`);
  }
}

/** What differs, or was written where it should not have been; null where nothing does. */
function compare(actual: Result, expected: Result): string | null {
  for (const [name, array] of expected.outputs) {
    const other = actual.outputs.get(name)!;
    const k = firstDifference(other, array);
    if (k !== -1) return `${name}[${k}] is ${other[k]}, not ${array[k]}`;
  }
  return actual.violation;
}

function nameOf({ name, isa }: BackendUnderTest): string {
  return `${name}/${isa}`;
}

function describe({ title }: KernelInputs, variant: Variant): string {
  return `${title}, ${JSON.stringify(variant)}`;
}

const control = suiteOf('agreement: that it can fail');
const CONTROL = inputsOf('normal', 'float32', { n: 20, c: 3, s: 7 });
const FULL = VARIANTS[1];

function differenceOf(kernels: Partial<Kernels>): string | null {
  const honest = reference.kernels();
  return compare(callAll({ ...honest, ...kernels }, CONTROL, FULL), callAll(honest, CONTROL, FULL));
}

control('the reference agrees with itself', () => {
  assert.is(differenceOf({}), null);
});

control('one bit of any output is noticed', () => {
  const kernels = reference.kernels();
  const expected = callAll(kernels, CONTROL, FULL);
  for (const [name, array] of expected.outputs) {
    for (const bit of [0, 8 * array.BYTES_PER_ELEMENT - 1]) {
      const actual = callAll(kernels, CONTROL, FULL);
      flipBit(actual.outputs.get(name)!, array.length - 1, bit);
      assert.match(compare(actual, expected)!, `${name}[${array.length - 1}] is `);
    }
  }
});

control('the sign of 0 is noticed, the kind of NaN is not', () => {
  assert.is(firstDifference(Float32Array.of(1, 0), Float32Array.of(1, -0)), 1);
  assert.is(firstDifference(Float64Array.of(1, 0), Float64Array.of(1, -0)), 1);
  for (const array of [Float32Array.of(1, Number.NaN), Float64Array.of(1, Number.NaN)]) {
    const other = array.slice();
    flipBit(other, 1, 0);
    assert.is(firstDifference(array, other), -1);
  }
});

control('another order of summation is noticed', () => {
  const difference = differenceOf({
    statistics(mean, variance, x, { n, c, s }) {
      for (let ch = 0; ch < c; ch++) {
        let [sum, squares] = [0, 0];
        for (let i = 0; i < n; i++) {
          for (const value of x.subarray((i * c + ch) * s, (i * c + ch + 1) * s)) {
            sum += value;
            squares += value * value;
          }
        }
        mean[ch] = sum / (n * s);
        variance[ch] = (squares - sum * mean[ch]) / (n * s);
      }
    },
  });
  assert.match(difference!, 'statistics: ');
});

control('a write past the end is noticed', () => {
  const { normalize } = reference.kernels();
  const difference = differenceOf({
    normalize(y, ...rest) {
      normalize(y, ...rest);
      new Float32Array(y.buffer, y.byteOffset)[y.length] = 0;
    },
  });
  assert.is(difference, `wrote at ${CONTROL.x.length} of an array of ${CONTROL.x.length}`);
});

control('a change of an input is noticed', () => {
  const { gradientSums } = reference.kernels();
  const difference = differenceOf({
    gradientSums(sums, dy, x, residual, ...rest) {
      gradientSums(sums, dy, x, residual, ...rest);
      residual![3] += 1;
    },
  });
  assert.is(difference, 'changed its input at 3');
});
