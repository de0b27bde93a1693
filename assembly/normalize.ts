// y = activation((x − center)·scale + offset + residual): docs/numerics.md, section 4.
import { passed } from './activation';
import { Call, CENTER, OFFSET, SCALE } from './call';
import { coefficients } from './coefficients';
import { isYes } from './kinds';
import { least } from './layout';
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

/**
 * `count` rows of `width` columns, from element k on, with the coefficients that the thread has spread over columns. Four
 * rows at a time: loading coefficients is most of the work.
 */
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
  const step = stride * sizeof<T>();
  const bytes = width * sizeof<T>();
  const vectors: usize = ASC_FEATURE_SIMD ? bytes & ~15 : 0;
  let y = call.output + k * sizeof<T>();
  let x = call.x + k * sizeof<T>();
  let residual = call.residual + k * sizeof<T>();
  for (let r: usize = 0; r < count; r += 4, y += 4 * step, x += 4 * step, residual += 4 * step) {
    const rows = least(4, count - r);
    if (ASC_FEATURE_SIMD) {
      if (!isYes<RESIDUAL>() && rows == 4) {
        for (let j: usize = 0; j < vectors; j += 16) {
          const centers = v128.load(center + j);
          const scales = v128.load(scale + j);
          const offsets = v128.load(offset + j);
          let to = y + j;
          let from = x + j;
          let added = residual + j;
          normalizeVector<T, RESIDUAL, RELU>(to, from, added, centers, scales, offsets);
          to += step;
          from += step;
          added += step;
          normalizeVector<T, RESIDUAL, RELU>(to, from, added, centers, scales, offsets);
          to += step;
          from += step;
          added += step;
          normalizeVector<T, RESIDUAL, RELU>(to, from, added, centers, scales, offsets);
          to += step;
          from += step;
          added += step;
          normalizeVector<T, RESIDUAL, RELU>(to, from, added, centers, scales, offsets);
        }
      } else {
        for (let p: usize = 0; p < rows * step; p += step) {
          for (let j: usize = 0; j < vectors; j += 16) {
            const centers = v128.load(center + j);
            const scales = v128.load(scale + j);
            const offsets = v128.load(offset + j);
            normalizeVector<T, RESIDUAL, RELU>(y + p + j, x + p + j, residual + p + j, centers, scales, offsets);
          }
        }
      }
    }
    for (let j = vectors; j < bytes; j += sizeof<T>()) {
      const a = load<T>(center + j);
      const b = load<T>(scale + j);
      const c = load<T>(offset + j);
      for (let p = j; p < rows * step; p += step) {
        normalizeOne<T, RESIDUAL, RELU>(y + p, x + p, residual + p, a, b, c);
      }
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
