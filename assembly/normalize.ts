// y = activation((x − center)·scale + offset + residual): docs/numerics.md, section 4.
import { Coefficients, columnsOf, least, Scratch, SPREAD_BELOW } from './layout';
import { spread } from './reduce';
import { statistics } from './stats';
import { parameter4, passed4 } from './vec';

/** 1/√(variance + epsilon); 0 where that is 1/0, so that a constant channel gives x̂ = 0 also with epsilon = 0. */
export function reciprocalDeviation(variance: f64, epsilon: f64): f64 {
  const sum = variance + epsilon;
  return sum == 0 ? 0 : 1 / sqrt<f64>(sum);
}

/** Element `at` of an array of the tensor's type that may be absent, in float64. */
export function optional<T>(values: usize, at: usize, absent: f64): f64 {
  return values == 0 ? absent : <f64>load<T>(values + at * sizeof<T>());
}

/**
 * Per channel center = fl(mean), scale = fl(gamma·rstd), offset = fl(beta − (mean − center)·gamma·rstd): what the
 * rounding of the mean to the tensor's type takes away, the offset gives back.
 */
export function coefficients<T>(
  to: Coefficients,
  mean: usize,
  variance: usize,
  gamma: usize,
  beta: usize,
  epsilon: f64,
  c: usize,
): void {
  for (let ch: usize = 0; ch < c; ++ch) {
    const at = ch * sizeof<T>();
    const mu = load<f64>(mean + (ch << 3));
    const a = optional<T>(gamma, ch, 1) * reciprocalDeviation(load<f64>(variance + (ch << 3)), epsilon);
    const center = <T>mu;
    store<T>(to.center + at, center);
    store<T>(to.scale + at, <T>a);
    store<T>(to.offset + at, <T>(optional<T>(beta, ch, 0) - (mu - <f64>center) * a));
  }
}

/** The coefficients where vectors run across channels: spread over columns, or as they are where s is 1. */
export function spreadCoefficients<T>(scratch: Scratch, c: usize, s: usize, input: bool): Coefficients {
  const from = scratch.channels;
  const to = scratch.columns;
  if (columnsOf(c, s) == c) return from;
  spread<T>(to.center, from.center, c, s);
  spread<T>(to.scale, from.scale, c, s);
  spread<T>(to.offset, from.offset, c, s);
  if (input) {
    spread<T>(to.slope, from.slope, c, s);
    spread<T>(to.level, from.level, c, s);
  }
  return to;
}

/** v where z > 0, +0 where z ≤ 0, NaN where z is NaN. relu(z) is passed(z, z). */
export function passed<T>(v: T, z: T): T {
  return z > <T>0 ? v : z != z ? z : <T>0;
}

/** What the activation sees: bn(x) + residual. `d` is fl(x − center); `residual` points to this element, or is 0. */
export function preActivation<T>(d: T, scale: T, offset: T, residual: usize): T {
  const z = <T>(d * scale) + offset;
  return residual == 0 ? z : z + load<T>(residual);
}
export function preActivation4(d: v128, scale: v128, offset: v128, residual: usize): v128 {
  const z = f32x4.add(f32x4.mul(d, scale), offset);
  return residual == 0 ? z : f32x4.add(z, v128.load(residual));
}

/** `length` elements, with the coefficients of one channel, or of one column after the other if `spread`. */
function normalizeRow<T>(
  y: usize,
  x: usize,
  residual: usize,
  coefs: Coefficients,
  at: usize,
  spread: bool,
  activation: i32,
  length: usize,
): void {
  let j: usize = 0;
  if (ASC_FEATURE_SIMD) {
    if (sizeof<T>() == 4) {
      let center = parameter4(coefs.center, at, false);
      let scale = parameter4(coefs.scale, at, false);
      let offset = parameter4(coefs.offset, at, false);
      for (; j + 4 <= length; j += 4) {
        if (spread) {
          center = parameter4(coefs.center, at + j, true);
          scale = parameter4(coefs.scale, at + j, true);
          offset = parameter4(coefs.offset, at + j, true);
        }
        const k = j << 2;
        const d = f32x4.sub(v128.load(x + k), center);
        const z = preActivation4(d, scale, offset, residual == 0 ? 0 : residual + k);
        v128.store(y + k, activation == 0 ? z : passed4(z, z));
      }
    }
  }
  for (; j < length; ++j) {
    const p = (at + (spread ? j : 0)) * sizeof<T>();
    const k = j * sizeof<T>();
    const d = load<T>(x + k) - load<T>(coefs.center + p);
    const z = preActivation<T>(
      d,
      load<T>(coefs.scale + p),
      load<T>(coefs.offset + p),
      residual == 0 ? 0 : residual + k,
    );
    store<T>(y + k, activation == 0 ? z : passed<T>(z, z));
  }
}

/** contract: src/kernels.ts, normalize */
export function normalize<T>(
  y: usize,
  x: usize,
  residual: usize,
  mean: usize,
  variance: usize,
  gamma: usize,
  beta: usize,
  epsilon: f64,
  activation: i32,
  n: usize,
  c: usize,
  s: usize,
  workspace: usize,
): void {
  const scratch = Scratch.at(workspace, c, s);
  coefficients<T>(scratch.channels, mean, variance, gamma, beta, epsilon, c);
  const columns = s < SPREAD_BELOW;
  const coefs = columns ? spreadCoefficients<T>(scratch, c, s, false) : scratch.channels;
  const size = n * c * s;
  const row = columns ? columnsOf(c, s) : s;
  for (let start: usize = 0, ch: usize = 0; start < size; start += row) {
    const k = start * sizeof<T>();
    const length = least(row, size - start);
    normalizeRow<T>(y + k, x + k, residual == 0 ? 0 : residual + k, coefs, ch, columns, activation, length);
    ch = columns || ch + 1 == c ? 0 : ch + 1;
  }
}

/** contract: src/kernels.ts, forward */
export function forward<T>(
  y: usize,
  x: usize,
  residual: usize,
  mean: usize,
  variance: usize,
  gamma: usize,
  beta: usize,
  epsilon: f64,
  activation: i32,
  n: usize,
  c: usize,
  s: usize,
  workspace: usize,
): void {
  statistics<T>(mean, variance, x, n, c, s, workspace);
  normalize<T>(y, x, residual, mean, variance, gamma, beta, epsilon, activation, n, c, s, workspace);
}
