/**
 * The signatures of the addon, and the calls that it must accept. They are written down a second time here, to be held
 * against native/runtime/arguments.h.
 */
import { types } from 'node:util';
import type { Tensor } from 'batchnorm';
import type { View } from '#dist/kernels.js';
import { type Dtype, zeros } from './tensors.js';

/**
 * The kinds of arguments; a question mark allows null. `tensor` and `channels` have the type that `bytes` says,
 * `statistics` are float64. `positions` are those of a tensor, and `weights` has one for each of them.
 */
type Slot =
  | 'tensor'
  | 'tensor?'
  | 'channels'
  | 'channels?'
  | 'statistics'
  | 'statistics?'
  | 'positions?'
  | 'weights?'
  | 'number'
  | 'activation'
  | 'boolean'
  | 'bytes'
  | 'extent';

interface Signature {
  readonly slots: readonly Slot[];
}

const AFFINE: readonly Slot[] = ['statistics', 'statistics', 'channels?', 'channels?', 'number', 'activation'];
const EXTENTS: readonly Slot[] = ['bytes', 'extent', 'extent', 'extent'];
const GIVEN: readonly Slot[] = ['statistics?', 'statistics?', 'number'];

export const SIGNATURES = {
  statistics: { slots: ['statistics', 'statistics', 'tensor', ...EXTENTS] },
  rowSums: {
    slots: ['statistics', 'statistics', 'tensor', 'positions?', 'weights?', 'statistics?', ...EXTENTS],
  },
  normalize: { slots: ['tensor', 'tensor', 'tensor?', ...AFFINE, ...EXTENTS] },
  forward: { slots: ['tensor', 'tensor', 'tensor?', ...AFFINE, ...EXTENTS] },
  gradientSums: { slots: ['statistics', 'statistics', 'tensor', 'tensor', 'tensor?', ...AFFINE, ...EXTENTS] },
  gradientInput: { slots: ['tensor', 'tensor?', 'tensor', 'tensor', 'tensor?', ...AFFINE, ...GIVEN, ...EXTENTS] },
  backward: {
    slots: [
      ...['tensor', 'tensor?', 'channels', 'channels', 'tensor', 'tensor', 'tensor?'],
      ...AFFINE,
      ...['boolean'],
      ...EXTENTS,
    ] as Slot[],
  },
} satisfies Record<string, Signature>;

export type FunctionName = keyof typeof SIGNATURES;
export const FUNCTION_NAMES = Object.keys(SIGNATURES) as FunctionName[];

/** Arguments that the function accepts. */
export function goodArguments(name: FunctionName, dtype: Dtype, view: View): unknown[] {
  const extents = [view.n, view.c, view.s];
  return SIGNATURES[name].slots.map((slot) => {
    if (slot === 'extent') return extents.shift();
    if (slot === 'bytes') return dtype === 'float64' ? 8 : 4;
    if (slot === 'boolean') return true;
    if (slot === 'number' || slot === 'activation') return 1;
    if (slot === 'positions?') return Int32Array.from({ length: view.n * view.s }, (_, k) => view.n * view.s - 1 - k);
    return zeros(
      slot.startsWith('weights') || slot.startsWith('statistics') ? 'float64' : dtype,
      lengthOf(slot, view),
    ).fill(0.5);
  });
}

/** Must the function accept these? */
export function isGood(name: FunctionName, values: readonly unknown[]): boolean {
  const { slots }: Signature = SIGNATURES[name];
  const [bytes, n, c, s] = values.slice(-4);
  if (values.length !== slots.length || ![n, c, s].every(isExtent)) return false;
  const view: View = { n: Number(n), c: Number(c), s: Number(s) };
  const dtype = bytes === 8 ? 'float64' : 'float32';
  const rows = rowsOf(values[slots.indexOf('positions?')], view);
  return slots.every((slot, k) => fits(slot, values[k], dtype, view, rows));
}

function fits(slot: Slot, value: unknown, dtype: Dtype, view: View, rows: number): boolean {
  switch (slot) {
    case 'positions?':
      return value === null || rows >= 0;
    case 'weights?':
      return value === null || (types.isFloat64Array(value) && trueLength(value) === rows);
    case 'extent':
    case 'number':
      return typeof value === 'number';
    case 'boolean':
      return typeof value === 'boolean';
    case 'activation':
      return value === 0 || value === 1 || (types.isFloat64Array(value) && trueLength(value) === 3);
    case 'bytes':
      return value === 4 || value === 8;
    default: {
      if (slot.endsWith('?') && value === null) return true;
      const isRight =
        dtype === 'float64' || slot.startsWith('statistics') ? types.isFloat64Array : types.isFloat32Array;
      return isRight(value) && trueLength(value) === lengthOf(slot, view);
    }
  }
}

/** How many rows these positions are; −1 where they are none of this tensor. */
function rowsOf(positions: unknown, { n, s }: View): number {
  if (positions === null) return n * s;
  if (!types.isInt32Array(positions) && !types.isFloat64Array(positions)) return -1;
  const length = trueLength(positions);
  for (let row = 0; row < length; row++) if (!(positions[row] >= 0 && positions[row] < n * s)) return -1;
  return length;
}

function isExtent(value: unknown): boolean {
  return Number.isInteger(value) && Number(value) >= 1;
}

function lengthOf(slot: Slot, { n, c, s }: View): number {
  if (slot === 'weights?') return n * s;
  return slot.startsWith('tensor') ? n * c * s : c;
}

const TypedArray = Object.getPrototypeOf(Float32Array);
const { get } = Object.getOwnPropertyDescriptor(TypedArray.prototype, 'length')!;

/** Whatever an own property or a subclass says; 0 where the buffer is detached or has shrunk away. */
function trueLength(array: Tensor | Int32Array): number {
  return get!.call(array);
}
