// The two gradient sums per channel, and dx from them: docs/numerics.md, section 5.
import { gradient, gradientVector, passed } from './activation';
import { Call, CENTER, LEVEL, OFFSET, RELU, SCALE, SLOPE } from './call';
import { coefficients, optional, preActivation, preActivationVector, reciprocalDeviation } from './coefficients';
import { BENT, Bent, GATED, GRADIENT, isBent, isYes, No } from './kinds';
import { laneAt, least, PAIR_BYTES } from './layout';
import { lengthOf, parameter, passedVector, widenHigh, widenLow } from './vec';
import { INPUT, mapTile, reduceTile } from './walk';

const SECOND: usize = PAIR_BYTES / 2;

/** Σ g and Σ g·d, where d = fl(x − center) is of the tensor's type, so that float32 products are exact. */
export function gradientStrip<T, GATE>(
  call: Call,
  lanes: usize,
  position: usize,
  ch: usize,
  spread: bool,
  width: usize,
  count: usize,
  stride: usize,
  thread: usize,
): void {
  const center = spread ? call.columns(thread, CENTER) : call.coefficient(CENTER) + ch * sizeof<T>();
  const scale = spread ? call.columns(thread, SCALE) : call.coefficient(SCALE) + ch * sizeof<T>();
  const offset = spread ? call.columns(thread, OFFSET) : call.coefficient(OFFSET) + ch * sizeof<T>();
  const step = stride * sizeof<T>();
  const start = position * sizeof<T>();
  const gated = isYes<GATE>() || isBent<GATE>();
  let j: usize = 0;
  if (ASC_FEATURE_SIMD) {
    for (; j + lengthOf<T>() <= width; j += lengthOf<T>()) {
      const at = spread ? j * sizeof<T>() : 0;
      const centers = parameter<T>(center + at, spread);
      const scales = gated ? parameter<T>(scale + at, spread) : centers;
      const offsets = gated ? parameter<T>(offset + at, spread) : centers;
      const to = laneAt(lanes, j);
      let first0 = v128.load(to);
      let second0 = v128.load(to, SECOND);
      let first1 = sizeof<T>() == 4 ? v128.load(to, 16) : first0;
      let second1 = sizeof<T>() == 4 ? v128.load(to, SECOND + 16) : second0;
      let x = call.x + start + j * sizeof<T>();
      let dy = call.dy + start + j * sizeof<T>();
      let residual = residualAt(call, start + j * sizeof<T>());
      const residualStep: usize = residual == 0 ? 0 : step;
      for (let r: usize = 0; r < count; ++r, x += step, dy += step, residual += residualStep) {
        const d = v128.sub<T>(v128.load(x), centers);
        let g = v128.load(dy);
        if (gated) {
          g = gradientVector<T, GATE>(g, preActivationVector<T>(d, scales, offsets, residual), call.lines);
        }
        if (sizeof<T>() == 4) {
          const low = widenLow(g);
          const high = widenHigh(g);
          first0 = f64x2.add(first0, low);
          first1 = f64x2.add(first1, high);
          second0 = f64x2.add(second0, f64x2.mul(low, widenLow(d)));
          second1 = f64x2.add(second1, f64x2.mul(high, widenHigh(d)));
        } else {
          first0 = f64x2.add(first0, g);
          second0 = f64x2.add(second0, f64x2.mul(g, d));
        }
      }
      v128.store(to, first0);
      v128.store(to, second0, SECOND);
      if (sizeof<T>() == 4) {
        v128.store(to, first1, 16);
        v128.store(to, second1, SECOND + 16);
      }
    }
  }
  for (; j < width; ++j) {
    const at = spread ? j * sizeof<T>() : 0;
    const to = laneAt(lanes, j);
    let first = load<f64>(to);
    let second = load<f64>(to, SECOND);
    let k = start + j * sizeof<T>();
    for (let r: usize = 0; r < count; ++r, k += step) {
      const d = load<T>(call.x + k) - load<T>(center + at);
      let g = load<T>(call.dy + k);
      if (gated) {
        const z = preActivation<T>(d, load<T>(scale + at), load<T>(offset + at), residualAt(call, k));
        g = gradient<T, GATE>(g, z, call.lines);
      }
      first += <f64>g;
      second += <f64>g * <f64>d;
    }
    store<f64>(to, first);
    store<f64>(to, second, SECOND);
  }
}

/** The residual at byte k, or 0 where there is none. */
function residualAt(call: Call, k: usize): usize {
  return call.residual == 0 ? 0 : call.residual + k;
}

/** sumDy and sumDyDeviation of channels from their sums. */
export function finishGradient<T>(call: Call, first: usize, last: usize): void {
  for (let ch = first; ch < last; ++ch) {
    const at = ch << 3;
    const sum = load<f64>(call.totals + at);
    const center = <f64>load<T>(call.coefficient(CENTER) + ch * sizeof<T>());
    const low = load<f64>(call.mean + at) - center;
    store<f64>(call.sumDy + at, sum);
    store<f64>(call.sumDyDeviation + at, load<f64>(call.totals + ((call.c + ch) << 3)) - low * sum);
  }
}

/** contract: src/kernels.ts, gradientSums */
export function gradientSumsTile<T>(call: Call, first: usize, last: usize, thread: usize): void {
  coefficients<T>(call, first, last);
  reduceTile<T>(call, call.activation == 0 ? GRADIENT : call.activation == RELU ? GATED : BENT, first, last, thread);
  finishGradient<T>(call, first, last);
}

/** Per channel, for dx = g·scale − (d·slope + level): slope = fl(a·k), level = fl(a·(sumDy/count − (mean − center)·k)). */
function inputCoefficients<T>(call: Call, first: usize, last: usize): void {
  for (let ch = first; ch < last; ++ch) {
    const at = ch * sizeof<T>();
    const rstd = reciprocalDeviation(load<f64>(call.variance + (ch << 3)), call.epsilon);
    const a = optional<T>(call.gamma, ch, 1) * rstd;
    const k = (rstd * rstd * load<f64>(call.sumDyDeviation + (ch << 3))) / call.count;
    const low = load<f64>(call.mean + (ch << 3)) - <f64>load<T>(call.coefficient(CENTER) + at);
    store<T>(call.coefficient(SLOPE) + at, <T>(a * k));
    store<T>(call.coefficient(LEVEL) + at, <T>(a * (load<f64>(call.sumDy + (ch << 3)) / call.count - low * k)));
  }
}

/** dx of a vector; without `batch` it is g·scale. */
function inputVector<T>(g: v128, d: v128, scale: v128, slope: v128, level: v128, batch: bool): v128 {
  const direct = v128.mul<T>(g, scale);
  return batch ? v128.sub<T>(direct, v128.add<T>(v128.mul<T>(d, slope), level)) : direct;
}

/** The same, read and written, in the case that every training has: no activation, no residual. */
function plainVector<T>(dx: usize, dy: usize, x: usize, center: v128, scale: v128, slope: v128, level: v128): void {
  const d = v128.sub<T>(v128.load(x), center);
  const direct = v128.mul<T>(v128.load(dy), scale);
  v128.store(dx, v128.sub<T>(direct, v128.add<T>(v128.mul<T>(d, slope), level)));
}

/** Four rows of columns at a time: loading coefficients is most of the work. */
function plainFour<T>(call: Call, start: usize, bytes: usize, step: usize, center: usize, apart: usize): void {
  const dx = call.output;
  const dy = call.passed;
  const x = call.x;
  for (let j: usize = 0; j < bytes; j += 16, center += 16) {
    const centers = v128.load(center);
    const scales = v128.load(center + apart);
    const slopes = v128.load(center + 3 * apart);
    const levels = v128.load(center + 4 * apart);
    let k = start + j;
    plainVector<T>(dx + k, dy + k, x + k, centers, scales, slopes, levels);
    k += step;
    plainVector<T>(dx + k, dy + k, x + k, centers, scales, slopes, levels);
    k += step;
    plainVector<T>(dx + k, dy + k, x + k, centers, scales, slopes, levels);
    k += step;
    plainVector<T>(dx + k, dy + k, x + k, centers, scales, slopes, levels);
  }
}

/** The element at byte k of channel `ch`, whose coefficients are at `center` and on. */
function inputOne<T, GATE>(call: Call, k: usize, center: usize, apart: usize): void {
  const scale = load<T>(center + apart);
  const d = load<T>(call.x + k) - load<T>(center);
  let g = load<T>(call.passed + k);
  if (isYes<GATE>()) {
    g = passed<T>(g, preActivation<T>(d, scale, load<T>(center + 2 * apart), residualAt(call, k)));
  }
  const direct = g * scale;
  const rest = <T>(d * load<T>(center + 3 * apart)) + load<T>(center + 4 * apart);
  if (call.dresidual != 0) store<T>(call.dresidual + k, g);
  store<T>(call.output + k, call.batch ? direct - rest : direct);
}

/**
 * `count` rows, `step` bytes apart, of `bytes` bytes from byte `start` on, vector by vector; the coefficients are at `center`
 * and on, one for all, or if `spread` one for each.
 */
function inputVectors<T, GATE>(
  call: Call,
  start: usize,
  bytes: usize,
  count: usize,
  step: usize,
  center: usize,
  apart: usize,
  spread: bool,
): void {
  const dx = call.output;
  const dresidual = call.dresidual;
  const dy = call.passed;
  const x = call.x;
  const residual = call.residual;
  const batch = call.batch != 0;
  for (let j: usize = 0; j < bytes; j += 16) {
    const centers = parameter<T>(center, spread);
    const scales = parameter<T>(center + apart, spread);
    const offsets = parameter<T>(center + 2 * apart, spread);
    const slopes = parameter<T>(center + 3 * apart, spread);
    const levels = parameter<T>(center + 4 * apart, spread);
    if (spread) center += 16;
    let k = start + j;
    for (let r: usize = 0; r < count; ++r, k += step) {
      const d = v128.sub<T>(v128.load(x + k), centers);
      let g = v128.load(dy + k);
      if (isYes<GATE>()) {
        const z = preActivationVector<T>(d, scales, offsets, residual == 0 ? 0 : residual + k);
        g = passedVector<T>(g, z);
      }
      if (dresidual != 0) v128.store(dresidual + k, g);
      v128.store(dx + k, inputVector<T>(g, d, scales, slopes, levels, batch));
    }
  }
}

/** `length` elements of channel `ch`, from element k on. */
export function inputRow<T, GATE>(call: Call, k: usize, ch: usize, length: usize): void {
  const center = call.coefficient(CENTER) + ch * sizeof<T>();
  const apart = call.coefficientBytes;
  let j: usize = 0;
  if (ASC_FEATURE_SIMD) {
    j = length - (length % lengthOf<T>());
    inputVectors<T, GATE>(call, k * sizeof<T>(), 16, j / lengthOf<T>(), 16, center, apart, false);
  }
  for (; j < length; ++j) inputOne<T, GATE>(call, (k + j) * sizeof<T>(), center, apart);
}

/** `count` rows of `width` columns, from element k on, with the coefficients that the thread has spread over columns. */
export function inputColumns<T, GATE>(
  call: Call,
  k: usize,
  width: usize,
  count: usize,
  stride: usize,
  thread: usize,
): void {
  const center = call.columns(thread, CENTER);
  const apart = call.columns(thread, SCALE) - center;
  const step = stride * sizeof<T>();
  const bytes = width * sizeof<T>();
  const vectors: usize = ASC_FEATURE_SIMD ? bytes & ~15 : 0;
  for (let r: usize = 0; r < count; r += 4) {
    const rows = least(4, count - r);
    const start = (k + r * stride) * sizeof<T>();
    if (ASC_FEATURE_SIMD) {
      const plain = !isYes<GATE>() && rows == 4 && call.batch != 0 && call.dresidual == 0;
      if (plain) plainFour<T>(call, start, vectors, step, center, apart);
      else inputVectors<T, GATE>(call, start, vectors, rows, step, center, apart, true);
    }
    for (let j = vectors; j < bytes; j += sizeof<T>()) {
      for (let i: usize = 0; i < rows; ++i) inputOne<T, GATE>(call, start + j + i * step, center + j, apart);
    }
  }
}

/** dx ← g of `count` rows of `width` elements, from element k on: what inputRow and inputColumns then find there. */
function putPassed<T>(
  call: Call,
  k: usize,
  width: usize,
  count: usize,
  stride: usize,
  center: usize,
  apart: usize,
  spread: bool,
): void {
  const step: usize = spread ? sizeof<T>() : 0;
  for (let r: usize = 0; r < count; ++r) {
    let at = (k + r * stride) * sizeof<T>();
    const end = at + width * sizeof<T>();
    let p = center;
    if (ASC_FEATURE_SIMD) {
      for (; at + 16 <= end; at += 16, p += step * lengthOf<T>()) {
        const d = v128.sub<T>(v128.load(call.x + at), parameter<T>(p, spread));
        const scales = parameter<T>(p + apart, spread);
        const z = preActivationVector<T>(d, scales, parameter<T>(p + 2 * apart, spread), residualAt(call, at));
        v128.store(call.output + at, gradientVector<T, Bent>(v128.load(call.dy + at), z, call.lines));
      }
    }
    for (; at < end; at += sizeof<T>(), p += step) {
      const d = load<T>(call.x + at) - load<T>(p);
      const z = preActivation<T>(d, load<T>(p + apart), load<T>(p + 2 * apart), residualAt(call, at));
      store<T>(call.output + at, gradient<T, Bent>(load<T>(call.dy + at), z, call.lines));
    }
  }
}

/** The same as inputRow and inputColumns where the activation has parameters: in two steps, for small modules. */
export function inputBentRow<T>(call: Call, k: usize, ch: usize, length: usize): void {
  putPassed<T>(call, k, length, 1, 0, call.coefficient(CENTER) + ch * sizeof<T>(), call.coefficientBytes, false);
  inputRow<T, No>(call, k, ch, length);
}
export function inputBentColumns<T>(
  call: Call,
  k: usize,
  width: usize,
  count: usize,
  stride: usize,
  thread: usize,
): void {
  putPassed<T>(call, k, width, count, stride, call.columns(thread, CENTER), call.columnBytes, true);
  inputColumns<T, No>(call, k, width, count, stride, thread);
}

/** contract: src/kernels.ts, gradientInput */
export function gradientInputTile<T>(call: Call, first: usize, last: usize, thread: usize): void {
  coefficients<T>(call, first, last);
  writeInput<T>(call, first, last, thread);
}

function writeInput<T>(call: Call, first: usize, last: usize, thread: usize): void {
  if (call.batch) inputCoefficients<T>(call, first, last);
  mapTile<T>(call, INPUT, first, last, thread);
}

/** contract: src/kernels.ts, backward */
export function backwardTile<T>(call: Call, first: usize, last: usize, thread: usize): void {
  gradientSumsTile<T>(call, first, last, thread);
  parameterGradients<T>(call, first, last);
  writeInput<T>(call, first, last, thread);
}

/** dgamma and dbeta of channels from their gradient sums. */
export function parameterGradients<T>(call: Call, first: usize, last: usize): void {
  for (let ch = first; ch < last; ++ch) {
    const rstd = reciprocalDeviation(load<f64>(call.variance + (ch << 3)), call.epsilon);
    store<T>(call.dgamma + ch * sizeof<T>(), <T>(load<f64>(call.sumDyDeviation + (ch << 3)) * rstd));
    store<T>(call.dbeta + ch * sizeof<T>(), <T>load<f64>(call.sumDy + (ch << 3)));
  }
}
