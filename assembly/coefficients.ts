// The numbers per channel that elementwise passes use, and the value that the activation sees: docs/numerics.md,
// sections 4 and 5.
import { Call, CENTER, OFFSET, SCALE } from './call';
import { broadcast } from './layout';

/** 1/√(variance + epsilon); 0 where that is 1/0, so that a constant channel gives x̂ = 0 also with epsilon = 0. */
export function reciprocalDeviation(variance: f64, epsilon: f64): f64 {
  const sum = variance + epsilon;
  return sum == 0 ? 0 : 1 / sqrt<f64>(sum);
}

/** Element `at` of an array of the tensor's type, in float64. */
export function value(call: Call, values: usize, at: usize): f64 {
  return call.width == 4 ? <f64>load<f32>(values + (at << 2)) : load<f64>(values + (at << 3));
}
/** Element `at` of an array of the tensor's type, in float64, or `absent` where there is no array. */
export function optional(call: Call, values: usize, at: usize, absent: f64): f64 {
  return values == 0 ? absent : value(call, values, at);
}
/** Element `at` ← a value, rounded to the tensor's type. */
export function putValue(call: Call, values: usize, at: usize, rounded: f64): void {
  if (call.width == 4) store<f32>(values + (at << 2), <f32>rounded);
  else store<f64>(values + (at << 3), rounded);
}

/**
 * Per channel center = fl(mean), scale = fl(gamma·rstd), offset = fl(beta − (mean − center)·gamma·rstd): what the
 * rounding of the mean to the tensor's type takes away, the offset gives back.
 */
export function coefficients(call: Call, first: usize, last: usize): void {
  for (let ch = first; ch < last; ++ch) {
    const mean = load<f64>(call.mean + (ch << 3));
    const rstd = reciprocalDeviation(load<f64>(call.variance + (ch << 3)), call.epsilon);
    const a = optional(call, call.gamma, ch, 1) * rstd;
    putValue(call, call.coefficient(CENTER), ch, mean);
    putValue(call, call.coefficient(SCALE), ch, a);
    const low = mean - value(call, call.coefficient(CENTER), ch);
    putValue(call, call.coefficient(OFFSET), ch, optional(call, call.beta, ch, 0) - low * a);
  }
}

/**
 * The value that the activation sees: bn(x) + residual. `d` is fl(x − center); `residual` points to this element, or is
 * 0.
 */
export function preActivation<T>(d: T, scale: T, offset: T, residual: usize): T {
  const z = <T>(d * scale) + offset;
  return residual == 0 ? z : z + load<T>(residual);
}
export function preActivationVector<T>(d: v128, scale: v128, offset: v128, residual: usize): v128 {
  const z = v128.add<T>(v128.mul<T>(d, scale), offset);
  return residual == 0 ? z : v128.add<T>(z, v128.load(residual));
}

/** Copies the first `count` coefficients of channels to where columns find theirs. */
export function broadcastCoefficients(call: Call, first: usize, last: usize, thread: usize, count: usize): void {
  for (let index: usize = 0; index < count; ++index) {
    const from = call.coefficient(index);
    broadcast(call.columns(thread, index), from, call.width, call.c, call.s, first, last);
  }
}
