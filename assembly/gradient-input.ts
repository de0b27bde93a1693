// dx = g·scale − (d·dxSlope + dxOffset), and dresidual = g: docs/numerics.md, section 5. Without batch statistics
// dx = g·scale.

import { gradientThrough, gradientThroughVector, residualAt } from './backward';
import { Call, CENTER } from './call';
import { At0, At16, Bent, isYes, No } from './kinds';
import { gateVector, lengthOf, parameter, splat } from './vec';

/** The vector AT bytes behind the pointers where nothing else is wanted than what every training has. */
function inputVector<T, GATE, AT>(
  dx: usize,
  dy: usize,
  x: usize,
  center: v128,
  scale: v128,
  offset: v128,
  dxSlope: v128,
  dxOffset: v128,
): void {
  const d = v128.sub<T>(v128.load(x, offsetof<AT>()), center);
  let g = v128.load(dy, offsetof<AT>());
  if (isYes<GATE>()) g = gateVector<T>(g, v128.add<T>(v128.mul<T>(d, scale), offset));
  v128.store(dx, v128.sub<T>(v128.mul<T>(g, scale), v128.add<T>(v128.mul<T>(d, dxSlope), dxOffset)), offsetof<AT>());
}

/** A vector with parameters of its own. */
function inputAcross<T, GATE, AT>(
  dx: usize,
  dy: usize,
  x: usize,
  center: usize,
  scale: usize,
  offset: usize,
  dxSlope: usize,
  dxOffset: usize,
): void {
  const centers = v128.load(center, offsetof<AT>());
  const offsets = isYes<GATE>() ? v128.load(offset, offsetof<AT>()) : centers;
  const scales = v128.load(scale, offsetof<AT>());
  inputVector<T, GATE, AT>(
    dx,
    dy,
    x,
    centers,
    scales,
    offsets,
    v128.load(dxSlope, offsetof<AT>()),
    v128.load(dxOffset, offsetof<AT>()),
  );
}

/** Two vectors (float64: one) at a time as far as these go, where nothing is wanted but dx. The byte where it ended. */
function usualRow<T, GATE>(call: Call, at: usize, end: usize, center: usize, apart: usize): usize {
  const bytes: usize = sizeof<T>() == 4 ? 32 : 16;
  const centers = splat<T>(center);
  const scales = splat<T>(center + apart);
  const offsets = splat<T>(center + 2 * apart);
  const dxSlopes = splat<T>(center + 3 * apart);
  const dxOffsets = splat<T>(center + 4 * apart);
  let dx = call.output + at;
  let dy = call.gradientAt + at;
  let x = call.x + at;
  const last = call.x + end;
  for (; x + bytes <= last; x += bytes, dy += bytes, dx += bytes) {
    inputVector<T, GATE, At0>(dx, dy, x, centers, scales, offsets, dxSlopes, dxOffsets);
    if (sizeof<T>() == 4) inputVector<T, GATE, At16>(dx, dy, x, centers, scales, offsets, dxSlopes, dxOffsets);
  }
  return x - call.x;
}

/** usualRow where each element has coefficients of its own. */
function usualColumns<T, GATE>(call: Call, at: usize, end: usize, center: usize, apart: usize): usize {
  const bytes: usize = sizeof<T>() == 4 ? 32 : 16;
  let scale = center + apart;
  let offset = scale + apart;
  let dxSlope = offset + apart;
  let dxOffset = dxSlope + apart;
  let dx = call.output + at;
  let dy = call.gradientAt + at;
  let x = call.x + at;
  const last = call.x + end;
  for (; x + bytes <= last; x += bytes, dy += bytes, dx += bytes) {
    inputAcross<T, GATE, At0>(dx, dy, x, center, scale, offset, dxSlope, dxOffset);
    if (sizeof<T>() == 4) inputAcross<T, GATE, At16>(dx, dy, x, center, scale, offset, dxSlope, dxOffset);
    center += bytes;
    scale += bytes;
    if (isYes<GATE>()) offset += bytes;
    dxSlope += bytes;
    dxOffset += bytes;
  }
  return x - call.x;
}

/** The vector at byte k, whatever is wanted. */
function anyVector<T, GATE>(call: Call, k: usize, center: usize, apart: usize, perColumn: bool): void {
  const scale = parameter<T>(center + apart, perColumn);
  const d = v128.sub<T>(v128.load(call.x + k), parameter<T>(center, perColumn));
  let g = v128.load(call.gradientAt + k);
  if (isYes<GATE>()) {
    const offset = parameter<T>(center + 2 * apart, perColumn);
    g = gradientThroughVector<T, GATE>(g, d, scale, offset, residualAt(call, k), call.lines);
  }
  let result = v128.mul<T>(g, scale);
  if (call.batch) {
    const rest = v128.mul<T>(d, parameter<T>(center + 3 * apart, perColumn));
    result = v128.sub<T>(result, v128.add<T>(rest, parameter<T>(center + 4 * apart, perColumn)));
  }
  if (call.dresidual != 0) v128.store(call.dresidual + k, g);
  v128.store(call.output + k, result);
}

/** The element at byte k, whatever is wanted; its coefficients are at `center` and on. */
function anyElement<T, GATE>(call: Call, k: usize, center: usize, apart: usize): void {
  const scale = load<T>(center + apart);
  const d = load<T>(call.x + k) - load<T>(center);
  let g = load<T>(call.gradientAt + k);
  if (isYes<GATE>()) {
    const offset = load<T>(center + 2 * apart);
    g = gradientThrough<T, GATE>(g, d, scale, offset, residualAt(call, k), call.lines);
  }
  const direct = g * scale;
  const rest = <T>(d * load<T>(center + 3 * apart)) + load<T>(center + 4 * apart);
  if (call.dresidual != 0) store<T>(call.dresidual + k, g);
  store<T>(call.output + k, call.batch ? direct - rest : direct);
}

/** Bytes at .. end, whatever is wanted; `center` is where their coefficients begin. */
function inputRest<T, GATE>(call: Call, at: usize, end: usize, center: usize, apart: usize, perColumn: bool): void {
  const step: usize = perColumn ? sizeof<T>() : 0;
  if (ASC_FEATURE_SIMD) {
    for (; at + 16 <= end; at += 16, center += step * lengthOf<T>()) {
      anyVector<T, GATE>(call, at, center, apart, perColumn);
    }
  }
  for (; at < end; at += sizeof<T>(), center += step) anyElement<T, GATE>(call, at, center, apart);
}

/** Whether nothing is wanted but dx with batch statistics, as every training does, and no residual is read for it. */
function isUsual<GATE>(call: Call): bool {
  return call.batch != 0 && call.dresidual == 0 && (call.residual == 0 || !isYes<GATE>());
}

/** `length` elements of channel `ch`, from element k on. */
export function inputRow<T, GATE>(call: Call, k: usize, ch: usize, length: usize): void {
  const center = call.coefficient(CENTER) + ch * sizeof<T>();
  const apart = call.coefficientBytes;
  const end = (k + length) * sizeof<T>();
  let at = k * sizeof<T>();
  if (ASC_FEATURE_SIMD && isUsual<GATE>(call)) at = usualRow<T, GATE>(call, at, end, center, apart);
  if (at < end) inputRest<T, GATE>(call, at, end, center, apart, false);
}

/**
 * `count` rows of `width` columns, from element k on. The centers of the columns begin at `center`, their other
 * coefficients `apart` bytes further on each.
 */
export function inputColumns<T, GATE>(
  call: Call,
  k: usize,
  width: usize,
  count: usize,
  stride: usize,
  center: usize,
  apart: usize,
): void {
  for (let r: usize = 0; r < count; ++r, k += stride) {
    const start = k * sizeof<T>();
    const end = start + width * sizeof<T>();
    let at = start;
    if (ASC_FEATURE_SIMD && isUsual<GATE>(call)) at = usualColumns<T, GATE>(call, at, end, center, apart);
    if (at < end) inputRest<T, GATE>(call, at, end, center + (at - start), apart, true);
  }
}

/** dx ← g of `count` rows of `width` elements, from element k on, where inputRow and inputColumns then read it. */
function writeGradientThrough<T>(
  call: Call,
  k: usize,
  width: usize,
  count: usize,
  stride: usize,
  center: usize,
  apart: usize,
  perColumn: bool,
): void {
  const step: usize = perColumn ? sizeof<T>() : 0;
  for (let r: usize = 0; r < count; ++r) {
    let at = (k + r * stride) * sizeof<T>();
    const end = at + width * sizeof<T>();
    let p = center;
    if (ASC_FEATURE_SIMD) {
      for (; at + 16 <= end; at += 16, p += step * lengthOf<T>()) {
        const d = v128.sub<T>(v128.load(call.x + at), parameter<T>(p, perColumn));
        const scale = parameter<T>(p + apart, perColumn);
        const offset = parameter<T>(p + 2 * apart, perColumn);
        const residual = residualAt(call, at);
        const g = gradientThroughVector<T, Bent>(v128.load(call.dy + at), d, scale, offset, residual, call.lines);
        v128.store(call.output + at, g);
      }
    }
    for (; at < end; at += sizeof<T>(), p += step) {
      const d = load<T>(call.x + at) - load<T>(p);
      const scale = load<T>(p + apart);
      const offset = load<T>(p + 2 * apart);
      const residual = residualAt(call, at);
      const g = gradientThrough<T, Bent>(load<T>(call.dy + at), d, scale, offset, residual, call.lines);
      store<T>(call.output + at, g);
    }
  }
}

/** inputRow and inputColumns where the activation has parameters: in two steps, for small modules. */
export function inputBentRow<T>(call: Call, k: usize, ch: usize, length: usize): void {
  writeGradientThrough<T>(
    call,
    k,
    length,
    1,
    0,
    call.coefficient(CENTER) + ch * sizeof<T>(),
    call.coefficientBytes,
    false,
  );
  inputRow<T, No>(call, k, ch, length);
}
export function inputBentColumns<T>(
  call: Call,
  k: usize,
  width: usize,
  count: usize,
  stride: usize,
  center: usize,
  apart: usize,
): void {
  writeGradientThrough<T>(call, k, width, count, stride, center, apart, true);
  inputColumns<T, No>(call, k, width, count, stride, center, apart);
}
