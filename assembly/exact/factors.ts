// The factors of gradient sums, g and d = fl(x − center), where there is an activation: else g is dy.
import { gradient, gradientVector } from '../activation';
import { Call, CENTER, OFFSET, SCALE } from '../call';
import { preActivation, preActivationVector } from '../coefficients';
import { Bent, RELU, Yes } from '../kinds';

/**
 * d and g, one behind the other, of rows of one channel. Rows have `bytes`, a multiple of 16, and are `stride` bytes
 * apart.
 */
export function factors(
  call: Call,
  ch: usize,
  x: usize,
  dy: usize,
  residual: usize,
  bytes: usize,
  rows: usize,
  stride: usize,
  d: usize,
  g: usize,
): void {
  for (let i: usize = 0; i < rows; ++i, x += stride, dy += stride, d += bytes, g += bytes) {
    if (call.activation == RELU) factorsOfRow<Yes>(call, ch, x, dy, residual, bytes, d, g);
    else factorsOfRow<Bent>(call, ch, x, dy, residual, bytes, d, g);
    if (residual != 0) residual += stride;
  }
}

function factorsOfRow<ACTIVATION>(
  call: Call,
  ch: usize,
  x: usize,
  dy: usize,
  residual: usize,
  bytes: usize,
  d: usize,
  g: usize,
): void {
  const center = load<f32>(call.coefficient(CENTER) + (ch << 2));
  const scale = load<f32>(call.coefficient(SCALE) + (ch << 2));
  const offset = load<f32>(call.coefficient(OFFSET) + (ch << 2));
  if (ASC_FEATURE_SIMD) {
    const centers = f32x4.splat(center);
    const scales = f32x4.splat(scale);
    const offsets = f32x4.splat(offset);
    for (let k: usize = 0; k < bytes; k += 16) {
      const q = f32x4.sub(v128.load(x + k), centers);
      const z = preActivationVector<f32>(q, scales, offsets, residual == 0 ? 0 : residual + k);
      v128.store(d + k, q);
      v128.store(g + k, gradientVector<f32, ACTIVATION>(v128.load(dy + k), z, call.lines));
    }
    return;
  }
  for (let k: usize = 0; k < bytes; k += 4) {
    const q = load<f32>(x + k) - center;
    const z = preActivation<f32>(q, scale, offset, residual == 0 ? 0 : residual + k);
    store<f32>(d + k, q);
    store<f32>(g + k, gradient<f32, ACTIVATION>(load<f32>(dy + k), z, call.lines));
  }
}
