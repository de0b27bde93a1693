// The numbers per channel that elementwise passes use, and the value that the activation sees: docs/numerics.md,
// sections 4 and 5.
import { Call, CENTER, OFFSET, SCALE } from './call';
import { spread } from './reduce';

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
export function coefficients<T>(call: Call, first: usize, last: usize): void {
  for (let ch = first; ch < last; ++ch) {
    const at = ch * sizeof<T>();
    const mean = load<f64>(call.mean + (ch << 3));
    const a = optional<T>(call.gamma, ch, 1) * reciprocalDeviation(load<f64>(call.variance + (ch << 3)), call.epsilon);
    const center = <T>mean;
    store<T>(call.coefficient(CENTER) + at, center);
    store<T>(call.coefficient(SCALE) + at, <T>a);
    store<T>(call.coefficient(OFFSET) + at, <T>(optional<T>(call.beta, ch, 0) - (mean - <f64>center) * a));
  }
}

/** The first `count` coefficients of channels, where columns find theirs. */
export function spreadCoefficients<T>(call: Call, first: usize, last: usize, thread: usize, count: usize): void {
  for (let index: usize = 0; index < count; ++index) {
    spread<T>(call.columns(thread, index), call.coefficient(index), call, first, last);
  }
}

/** What the activation sees: bn(x) + residual. `d` is fl(x − center); `residual` points to this element, or is 0. */
export function preActivation<T>(d: T, scale: T, offset: T, residual: usize): T {
  const z = <T>(d * scale) + offset;
  return residual == 0 ? z : z + load<T>(residual);
}
export function preActivationVector<T>(d: v128, scale: v128, offset: v128, residual: usize): v128 {
  const z = v128.add<T>(v128.mul<T>(d, scale), offset);
  return residual == 0 ? z : v128.add<T>(z, v128.load(residual));
}
