// Tensors of 16 bits on their way through kernels for float32: a strip is widened, computed with, and rounded while it
// is in the first cache. So they have all kernels, and the bits of docs/numerics.md, section 11, without code of their
// own.
import { Call } from './call';
import { round, widen } from './half';
import { minOf } from './layout';

/** float32, one row behind another ← `count` rows of `width` elements, from element k of a tensor on. */
export function gather(
  call: Call,
  to: usize,
  tensor: usize,
  k: usize,
  width: usize,
  count: usize,
  stride: usize,
): void {
  const isWhole = width == stride;
  const run = isWhole ? width * count : width;
  const runs = isWhole ? minOf(count, 1) : count;
  for (let r: usize = 0; r < runs; ++r) widen(call.half, to + ((r * run) << 2), tensor + ((k + r * stride) << 1), run);
}

/** The other way round. */
function scatter(call: Call, tensor: usize, from: usize, k: usize, width: usize, count: usize, stride: usize): void {
  const isWhole = width == stride;
  const run = isWhole ? width * count : width;
  const runs = isWhole ? minOf(count, 1) : count;
  for (let r: usize = 0; r < runs; ++r)
    round(call.half, tensor + ((k + r * stride) << 1), from + ((r * run) << 2), run);
}

/** Fills the strip of a thread, up to STRIP elements; x, and dy and the residual where they are wanted. */
export function readStrip(
  call: Call,
  thread: usize,
  k: usize,
  width: usize,
  count: usize,
  stride: usize,
  withDy: bool,
  withResidual: bool,
): Call {
  const strip = call.strip(thread);
  gather(call, strip.x, call.x, k, width, count, stride);
  if (withDy && call.dy != 0) gather(call, strip.dy, call.dy, k, width, count, stride);
  if (withResidual && call.residual != 0) gather(call, strip.residual, call.residual, k, width, count, stride);
  return strip;
}

/** Writes what was computed in a strip. */
export function writeStrip(call: Call, thread: usize, k: usize, width: usize, count: usize, stride: usize): void {
  const strip = call.strip(thread);
  if (call.dresidual != 0) scatter(call, call.dresidual, strip.dresidual, k, width, count, stride);
  scatter(call, call.output, strip.output, k, width, count, stride);
}
