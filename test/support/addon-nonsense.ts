/** Arguments that the addon must refuse, or now and then accept: what fast-check makes, and impostors by hand. */
import fc from 'fast-check';
import { type FunctionName, goodArguments } from './addon-slots.js';
import { DTYPES } from './tensors.js';

/** Of length 0, since its buffer went elsewhere. */
export function detached(length: number): Float64Array {
  const array = new Float64Array(length);
  structuredClone(array.buffer, { transfer: [array.buffer] });
  return array;
}

/** From byte 24 on in a buffer of 48 bytes that became `bytes` long; without a length it follows the buffer. */
export function resized(bytes: number, length?: number): Float32Array {
  const buffer = new ArrayBuffer(48, { maxByteLength: 96 });
  const array = length === undefined ? new Float32Array(buffer, 24) : new Float32Array(buffer, 24, length);
  buffer.resize(bytes);
  return array;
}

/** One element that says it is more. */
export function lying(length: number): Float32Array {
  return Object.defineProperty(new Float32Array(1), 'length', { value: length });
}

/** Throws whatever one asks of it. */
export function explosive(length: number): Float32Array {
  const explode = () => {
    throw new Error('it was asked');
  };
  return new Proxy(new Float32Array(length), { get: explode, getPrototypeOf: explode, has: explode });
}

/** Has a number's and a string's value, and says so by code that must not run inside the addon. */
export function convertible(): object {
  const explode = () => {
    throw new Error('it was converted');
  };
  return { valueOf: explode, toString: explode, [Symbol.toPrimitive]: explode };
}

const lengths = fc.oneof(fc.nat({ max: 12 }), fc.constantFrom(24, 36));
const arrays = fc.oneof(
  lengths.map((length) => new Float32Array(length)),
  lengths.map((length) => new Float64Array(length)),
  lengths.map((length) => new Float32Array(new SharedArrayBuffer(4 * length))),
  lengths.map((length) => new Int32Array(length)),
  lengths.map((length) => new BigInt64Array(length)),
  lengths.map((length) => new DataView(new ArrayBuffer(length))),
  lengths.map((length) => new ArrayBuffer(length)),
  lengths.map((length) => Array<number>(length).fill(0)),
);
const impostors = fc.oneof(
  fc.constantFrom(detached, lying).map((make) => make(6)), // explosive ones would explode in fast-check
  fc.tuple(fc.constantFrom(0, 16, 24, 36, 48, 96), fc.constantFrom(undefined, 6, 3)).map((sizes) => resized(...sizes)),
  fc.constantFrom(Float32Array.prototype, Object.create(Float32Array.prototype), Float64Array, Symbol('x')),
  fc.constant(convertible()),
);
export const numbers = fc.oneof(
  fc.constantFrom(0, -0, -1, 0.5, 1, 2, 3, 1e15, 1e300, Number.NaN, Infinity, -Infinity, 5e-324),
  fc.integer({ min: 8, max: 64 }).map((exponent) => 2 ** exponent),
  fc.double(),
);
const anything = fc.oneof(arrays, impostors, numbers, fc.anything(), fc.constantFrom(null, undefined, true, 1n, '1'));

/** Nothing but nonsense. */
export const nonsense: fc.Arbitrary<unknown[]> = fc.array(anything, { maxLength: 18 });

const views = fc.record({
  n: fc.integer({ min: 1, max: 3 }),
  c: fc.constantFrom(1, 2, 6),
  s: fc.integer({ min: 1, max: 3 }),
});

/** Good arguments, of which up to three are nonsense and one may be missing or doubled. */
export function spoilt(name: FunctionName): fc.Arbitrary<unknown[]> {
  const good = fc.tuple(fc.constantFrom(...DTYPES), views).map(([dtype, view]) => goodArguments(name, dtype, view));
  const spoils = fc.array(fc.tuple(fc.nat({ max: 50 }), anything), { maxLength: 3 });
  const cuts = fc.option(fc.record({ at: fc.nat({ max: 50 }), copies: fc.constantFrom(0, 2) }), { freq: 4 });
  return fc.tuple(good, spoils, cuts).map(([values, changes, cut]) => {
    for (const [at, value] of changes) values[at % values.length] = value;
    if (cut === null) return values;
    const at = cut.at % values.length;
    return values.toSpliced(at, 1, ...Array(cut.copies).fill(values[at]));
  });
}
