// The activation and its gradient: docs/numerics.md, sections 4 and 5.
import type { KernelActivation, ThreeLines } from '../kernels.js';
import { fl } from './layout.js';

/** Its parameters rounded to the tensor's type. */
export function rounded(activation: KernelActivation, float32: boolean): KernelActivation {
  if (typeof activation === 'number') return activation;
  const { slope, low, high } = activation;
  return { slope: fl(slope, float32), low: fl(low, float32), high: fl(high, float32) };
}

/**
 * v where z > 0, NaN where z is NaN, +0 elsewhere: maxps, Math.max and f32x4.max differ there, hence the definition.
 */
function gate(v: number, z: number): number {
  return z > 0 ? v : Number.isNaN(z) ? z : 0;
}

function bend(z: number, { slope }: ThreeLines, float32: boolean): number {
  return z <= 0 ? fl(slope * z, float32) : z;
}

/** y: z through the activation. */
export function activate(z: number, activation: KernelActivation, float32: boolean): number {
  if (activation === 0) return z;
  if (activation === 1) return gate(z, z);
  const { low, high } = activation;
  const u = bend(z, activation, float32);
  return u <= low ? low : u >= high ? high : u;
}

/** g: dy through the activation, whose input is z. */
export function gradient(dy: number, z: number, activation: KernelActivation, float32: boolean): number {
  if (activation === 0) return dy;
  if (activation === 1) return gate(dy, z);
  const { slope, low, high } = activation;
  const u = bend(z, activation, float32);
  if (u <= low || u >= high) return 0;
  if (Number.isNaN(u)) return u;
  return z <= 0 ? fl(slope * dy, float32) : dy;
}
