/** Floating-point numbers of every width: how far they lie apart, and how a number is rounded to them. */
import { wrongValue } from '../arguments/messages.js';
import type { Tensor } from '../index.js';
import type { NamedTensor } from './tensors.js';

/** A binary format of IEEE 754, or one made like it. */
interface Format {
  /** Bits after the leading one. */
  readonly fraction: number;
  /** Exponent of the smallest normal number; that of the largest one is 1 − least. */
  readonly least: number;
}

/** The types of floats that tensors of a layer may have. */
export type FloatType = 'F64' | 'F32' | 'F16' | 'BF16';

export const FORMATS: Readonly<Record<FloatType, Format>> = {
  F64: { fraction: 52, least: -1022 },
  F32: { fraction: 23, least: -126 },
  F16: { fraction: 10, least: -14 },
  BF16: { fraction: 7, least: -126 },
};

export function isFloatType(dtype: unknown): dtype is FloatType {
  return typeof dtype === 'string' && Object.hasOwn(FORMATS, dtype);
}

/** The distance between neighbouring numbers around a value; of NaN and Infinity that around 1. */
export function ulpOf(value: number, { fraction, least }: Format): number {
  if (!Number.isFinite(value)) return 2 ** -fraction;
  return 2 ** (Math.max(exponentOf(value), least) - fraction);
}

const view = /* @__PURE__ */ new DataView(/* @__PURE__ */ new ArrayBuffer(8));

/** ⌊log₂ |value|⌋, exact, since it is read from the bits; −1023 for what is smaller than normal numbers are. */
function exponentOf(value: number): number {
  view.setFloat64(0, value);
  return ((view.getUint16(0) >>> 4) & 0x7ff) - 1023;
}

/**
 * A copy of the numbers, each rounded to nearest, ties to even.
 *
 * @throws RangeError where a finite number would become infinite
 */
export function toTensor(call: string, name: string, values: Tensor, dtype: FloatType): NamedTensor {
  const shape = [values.length];
  if (dtype === 'F64') return { dtype, shape, data: Float64Array.from(values) };
  const data = dtype === 'F32' ? Float32Array.from(values) : Uint16Array.from(values, (value) => toBits(value, dtype));
  values.forEach((value, i) => {
    const isLost = dtype === 'F32' ? !Number.isFinite(data[i]) : (data[i] & 0x7fff) === INFINITE[dtype];
    if (isLost && Number.isFinite(value))
      throw wrongValue(call, `${name}[${i}]`, `a number that ${dtype} can hold`, value);
  });
  return { dtype, shape, data } as NamedTensor;
}

const INFINITE = { F16: 0x7c00, BF16: 0x7f80 };
const QUIET_NAN = { F16: 0x7e00, BF16: 0x7fc0 };

/** The 16 bits of the nearest number. A fraction that is rounded up to 2 carries into the exponent by itself. */
function toBits(value: number, dtype: 'F16' | 'BF16'): number {
  if (Number.isNaN(value)) return QUIET_NAN[dtype];
  const { fraction, least } = FORMATS[dtype];
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const exponent = Math.max(exponentOf(value), least);
  if (exponent > 1 - least) return sign | INFINITE[dtype];
  const steps = toEven(Math.abs(value) / 2 ** (exponent - fraction));
  return sign | ((exponent - least) * 2 ** fraction + steps);
}

/** To the nearest whole number, of two the even one. */
function toEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}
