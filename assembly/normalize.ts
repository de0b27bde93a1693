// y = activation((x − center)·scale + offset + residual): docs/numerics.md, section 4.
import { Call, CENTER, OFFSET, SCALE } from './call';
import { coefficients, passed } from './coefficients';
import { isYes } from './kinds';
import { measure } from './stats';
import { lengthOf, passedVector, splat } from './vec';
import { mapTile, NORMALIZE } from './walk';

/** A vector of elements, or of one row's columns. */
function normalizeVector<T, RESIDUAL, RELU>(
  y: usize,
  x: usize,
  residual: usize,
  center: v128,
  scale: v128,
  offset: v128,
): void {
  let z = v128.add<T>(v128.mul<T>(v128.sub<T>(v128.load(x), center), scale), offset);
  if (isYes<RESIDUAL>()) z = v128.add<T>(z, v128.load(residual));
  v128.store(y, isYes<RELU>() ? passedVector<T>(z, z) : z);
}

function normalizeOne<T, RESIDUAL, RELU>(y: usize, x: usize, residual: usize, center: T, scale: T, offset: T): void {
  let z = <T>(<T>(load<T>(x) - center) * scale) + offset;
  if (isYes<RESIDUAL>()) z += load<T>(residual);
  store<T>(y, isYes<RELU>() ? passed<T>(z, z) : z);
}

/** `length` elements of channel `ch`, from element k on. */
export function normalizeRow<T, RESIDUAL, RELU>(call: Call, k: usize, ch: usize, length: usize): void {
  const center = call.coefficient(CENTER) + ch * sizeof<T>();
  const scale = call.coefficient(SCALE) + ch * sizeof<T>();
  const offset = call.coefficient(OFFSET) + ch * sizeof<T>();
  let y = call.output + k * sizeof<T>();
  let x = call.x + k * sizeof<T>();
  let residual = call.residual + k * sizeof<T>();
  const end = x + length * sizeof<T>();
  if (ASC_FEATURE_SIMD) {
    const vectors = x + (length / lengthOf<T>()) * 16;
    const centers = splat<T>(center);
    const scales = splat<T>(scale);
    const offsets = splat<T>(offset);
    for (; x < vectors; x += 16, y += 16, residual += 16) {
      normalizeVector<T, RESIDUAL, RELU>(y, x, residual, centers, scales, offsets);
    }
  }
  for (; x < end; x += sizeof<T>(), y += sizeof<T>(), residual += sizeof<T>()) {
    normalizeOne<T, RESIDUAL, RELU>(y, x, residual, load<T>(center), load<T>(scale), load<T>(offset));
  }
}

/** `count` rows of `width` columns, from element k on, with the coefficients that the thread has spread over columns. */
export function normalizeColumns<T, RESIDUAL, RELU>(
  call: Call,
  k: usize,
  width: usize,
  count: usize,
  stride: usize,
  thread: usize,
): void {
  const center = call.columns(thread, CENTER);
  const scale = call.columns(thread, SCALE);
  const offset = call.columns(thread, OFFSET);
  const start = k * sizeof<T>();
  const end = start + count * stride * sizeof<T>();
  const y = call.output;
  const x = call.x;
  const residual = call.residual;
  let j: usize = 0;
  if (ASC_FEATURE_SIMD) {
    for (; j + lengthOf<T>() <= width; j += lengthOf<T>()) {
      const at = j * sizeof<T>();
      const centers = v128.load(center + at);
      const scales = v128.load(scale + at);
      const offsets = v128.load(offset + at);
      for (let p = start + at; p < end; p += stride * sizeof<T>()) {
        normalizeVector<T, RESIDUAL, RELU>(y + p, x + p, residual + p, centers, scales, offsets);
      }
    }
  }
  for (; j < width; ++j) {
    const at = j * sizeof<T>();
    for (let p = start + at; p < end; p += stride * sizeof<T>()) {
      const a = load<T>(center + at);
      normalizeOne<T, RESIDUAL, RELU>(y + p, x + p, residual + p, a, load<T>(scale + at), load<T>(offset + at));
    }
  }
}

/** contract: src/kernels.ts, normalize */
export function normalizeTile<T>(call: Call, first: usize, last: usize, thread: usize): void {
  coefficients<T>(call, first, last);
  mapTile<T>(call, NORMALIZE, first, last, thread);
}

/** contract: src/kernels.ts, forward */
export function forwardTile<T>(call: Call, first: usize, last: usize, thread: usize): void {
  measure<T>(call, first, last, thread);
  normalizeTile<T>(call, first, last, thread);
}
