/** The advice of an error about a tensor of the wrong kind: how to convert it. */
import { isUsable, kindOf, type TensorKind } from './typed-arrays.js';

/** Nothing where nobody can say. */
export function conversion(name: string, value: unknown, wanted: TensorKind, length: number): string {
  const typed = kindOf(value);
  if (typed !== undefined && !isUsable(value as Uint8Array)) return '';
  const kind = typed ?? (Array.isArray(value) ? 'Array' : Object.prototype.toString.call(value).slice(8, -1));
  const way = Object.hasOwn(WAYS, kind) ? WAYS[kind] : undefined;
  if (way === undefined) return '';
  // Results that are written to a copy would be lost.
  return name.startsWith('out') ? `; new ${wanted}(${length}) makes one` : way(name, wanted, value as Uint8Array);
}

type Way = (name: string, wanted: TensorKind, value: Uint8Array) => string;

const numbers: Way = (name, wanted) => `; ${wanted}.from(${name}) makes one`;
const bigints: Way = (name, wanted) => `; ${wanted}.from(${name}, Number) makes one`;

/** By kind. Of bytes nobody knows whether they are numbers or parts of some. */
const WAYS: Readonly<Partial<Record<string, Way>>> = {
  Array: numbers,
  Int8Array: numbers,
  Uint8ClampedArray: numbers,
  Int16Array: numbers,
  Uint16Array: (name, wanted, value) => `${numbers(name, wanted, value)} of integers (bits of float16 are none)`,
  Float16Array: numbers,
  Int32Array: numbers,
  Uint32Array: numbers,
  BigInt64Array: bigints,
  BigUint64Array: bigints,
  Uint8Array: (name, wanted, value) =>
    `${numbers(name, wanted, value)} of numbers, ${ofBytes(name, wanted, value)} of the bytes of a Buffer`,
  DataView: (name, wanted, value) => `; ${ofBytes(name, wanted, value)} makes one`,
  ArrayBuffer: (name, wanted) => `; new ${wanted}(${name}) makes one`,
  SharedArrayBuffer: (name, wanted) => `; new ${wanted}(${name}) makes one`,
};

/** A tensor over the same memory where it can lie there, which it cannot everywhere. */
function ofBytes(name: string, wanted: TensorKind, { byteOffset }: ArrayBufferView): string {
  const size = wanted === 'Float32Array' ? 4 : 8;
  const [start, length] = [`${name}.byteOffset`, `${name}.byteLength`];
  if (byteOffset % size === 0) return `new ${wanted}(${name}.buffer, ${start}, ${length} / ${size})`;
  return `new ${wanted}(${name}.buffer.slice(${start}, ${start} + ${length}))`;
}
