// y = activation((x − center)·scale + offset + residual): docs/numerics.md, section 4.
import { gate } from './activation';
import { Call, CENTER, OFFSET, SCALE } from './call';
import { At0, At16, At32, At48, isYes } from './kinds';
import { gateVector, splat } from './vec';

/**
 * Four vectors at a time, where that pays for the size of the module: an engine may unroll less than a compiler does.
 */
function isUnrolled<T, RESIDUAL>(): bool {
  return sizeof<T>() == 4 && !isYes<RESIDUAL>();
}

/** The vector AT bytes behind the pointers. */
function normalizeVector<T, RESIDUAL, RELU, AT>(
  y: usize,
  x: usize,
  residual: usize,
  center: v128,
  scale: v128,
  offset: v128,
): void {
  let z = v128.add<T>(v128.mul<T>(v128.sub<T>(v128.load(x, offsetof<AT>()), center), scale), offset);
  if (isYes<RESIDUAL>()) z = v128.add<T>(z, v128.load(residual, offsetof<AT>()));
  v128.store(y, isYes<RELU>() ? gateVector<T>(z, z) : z, offsetof<AT>());
}

function normalizeOne<T, RESIDUAL, RELU>(y: usize, x: usize, residual: usize, center: T, scale: T, offset: T): void {
  let z = <T>(<T>(load<T>(x) - center) * scale) + offset;
  if (isYes<RESIDUAL>()) z += load<T>(residual);
  store<T>(y, isYes<RELU>() ? gate<T>(z, z) : z);
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
    const centers = splat<T>(center);
    const scales = splat<T>(scale);
    const offsets = splat<T>(offset);
    if (isUnrolled<T, RESIDUAL>()) {
      for (; x + 64 <= end; x += 64, y += 64) {
        normalizeVector<T, RESIDUAL, RELU, At0>(y, x, 0, centers, scales, offsets);
        normalizeVector<T, RESIDUAL, RELU, At16>(y, x, 0, centers, scales, offsets);
        normalizeVector<T, RESIDUAL, RELU, At32>(y, x, 0, centers, scales, offsets);
        normalizeVector<T, RESIDUAL, RELU, At48>(y, x, 0, centers, scales, offsets);
      }
    }
    for (; x + 16 <= end; x += 16, y += 16, residual += 16) {
      normalizeVector<T, RESIDUAL, RELU, At0>(y, x, residual, centers, scales, offsets);
    }
  }
  for (; x < end; x += sizeof<T>(), y += sizeof<T>(), residual += sizeof<T>()) {
    normalizeOne<T, RESIDUAL, RELU>(y, x, residual, load<T>(center), load<T>(scale), load<T>(offset));
  }
}

/** A vector with parameters of its own. */
function normalizeAcross<T, RESIDUAL, RELU, AT>(
  y: usize,
  x: usize,
  residual: usize,
  center: usize,
  scale: usize,
  offset: usize,
): void {
  normalizeVector<T, RESIDUAL, RELU, AT>(
    y,
    x,
    residual,
    v128.load(center, offsetof<AT>()),
    v128.load(scale, offsetof<AT>()),
    v128.load(offset, offsetof<AT>()),
  );
}

/**
 * `count` rows of `width` columns, from element k on. The centers of the columns begin at `first`, their other
 * coefficients `apart` bytes further on each.
 */
export function normalizeColumns<T, RESIDUAL, RELU>(
  call: Call,
  k: usize,
  width: usize,
  count: usize,
  stride: usize,
  first: usize,
  apart: usize,
): void {
  for (let r: usize = 0; r < count; ++r, k += stride) {
    let center = first;
    let scale = center + apart;
    let offset = scale + apart;
    let y = call.output + k * sizeof<T>();
    let x = call.x + k * sizeof<T>();
    let residual = call.residual + k * sizeof<T>();
    const end = x + width * sizeof<T>();
    if (ASC_FEATURE_SIMD) {
      if (isUnrolled<T, RESIDUAL>()) {
        for (; x + 64 <= end; x += 64, y += 64, center += 64, scale += 64, offset += 64) {
          normalizeAcross<T, RESIDUAL, RELU, At0>(y, x, 0, center, scale, offset);
          normalizeAcross<T, RESIDUAL, RELU, At16>(y, x, 0, center, scale, offset);
          normalizeAcross<T, RESIDUAL, RELU, At32>(y, x, 0, center, scale, offset);
          normalizeAcross<T, RESIDUAL, RELU, At48>(y, x, 0, center, scale, offset);
        }
      }
      for (; x + 16 <= end; x += 16, y += 16, residual += 16, center += 16, scale += 16, offset += 16) {
        normalizeAcross<T, RESIDUAL, RELU, At0>(y, x, residual, center, scale, offset);
      }
    }
    for (; x < end; x += sizeof<T>(), y += sizeof<T>(), residual += sizeof<T>()) {
      normalizeOne<T, RESIDUAL, RELU>(y, x, residual, load<T>(center), load<T>(scale), load<T>(offset));
      center += sizeof<T>();
      scale += sizeof<T>();
      offset += sizeof<T>();
    }
  }
}
