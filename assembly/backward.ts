// The two gradient sums per channel, and dx from them: docs/numerics.md, section 5.
import { gradient, gradientVector, passed } from './activation';
import { Call, CENTER, LEVEL, OFFSET, RELU, SCALE, SLOPE } from './call';
import {
  coefficients,
  optional,
  preActivation,
  preActivationVector,
  putValue,
  reciprocalDeviation,
  value,
} from './coefficients';
import { At0, At16, BENT, Bent, GATED, GRADIENT, isBent, isYes, No } from './kinds';
import { laneAt, PAIR_BYTES } from './layout';
import { lengthOf, parameter, passedVector, splat, widenHigh, widenLow } from './vec';
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
    if (sizeof<T>() == 4 && !gated) {
      // Eight lanes: with 16 registers, two doubles a vector leave no room for more.
      for (; j + 8 <= width; j += 8) {
        const at = spread ? j * sizeof<T>() : 0;
        const centers0 = parameter<T>(center + at, spread);
        const centers1 = parameter<T>(center + at + (spread ? 16 : 0), spread);
        const to = laneAt(lanes, j);
        let first0 = v128.load(to);
        let first1 = v128.load(to, 16);
        let first2 = v128.load(to, 32);
        let first3 = v128.load(to, 48);
        let second0 = v128.load(to, SECOND);
        let second1 = v128.load(to, SECOND + 16);
        let second2 = v128.load(to, SECOND + 32);
        let second3 = v128.load(to, SECOND + 48);
        let x = call.x + start + j * sizeof<T>();
        let dy = call.dy + start + j * sizeof<T>();
        for (let r: usize = 0; r < count; ++r, x += step, dy += step) {
          const d0 = v128.sub<T>(v128.load(x), centers0);
          const g0 = v128.load(dy);
          const low0 = widenLow(g0);
          const high0 = widenHigh(g0);
          first0 = f64x2.add(first0, low0);
          first1 = f64x2.add(first1, high0);
          second0 = f64x2.add(second0, f64x2.mul(low0, widenLow(d0)));
          second1 = f64x2.add(second1, f64x2.mul(high0, widenHigh(d0)));
          const d1 = v128.sub<T>(v128.load(x, 16), centers1);
          const g1 = v128.load(dy, 16);
          const low1 = widenLow(g1);
          const high1 = widenHigh(g1);
          first2 = f64x2.add(first2, low1);
          first3 = f64x2.add(first3, high1);
          second2 = f64x2.add(second2, f64x2.mul(low1, widenLow(d1)));
          second3 = f64x2.add(second3, f64x2.mul(high1, widenHigh(d1)));
        }
        v128.store(to, first0);
        v128.store(to, first1, 16);
        v128.store(to, first2, 32);
        v128.store(to, first3, 48);
        v128.store(to, second0, SECOND);
        v128.store(to, second1, SECOND + 16);
        v128.store(to, second2, SECOND + 32);
        v128.store(to, second3, SECOND + 48);
      }
    }
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
export function finishGradient(call: Call, first: usize, last: usize): void {
  for (let ch = first; ch < last; ++ch) {
    const at = ch << 3;
    const sum = load<f64>(call.totals + at);
    const center = value(call, call.coefficient(CENTER), ch);
    const low = load<f64>(call.mean + at) - center;
    store<f64>(call.sumDy + at, sum);
    store<f64>(call.sumDyDeviation + at, load<f64>(call.totals + ((call.c + ch) << 3)) - low * sum);
  }
}

/** contract: src/kernels.ts, gradientSums */
export function gradientSumsTile(call: Call, first: usize, last: usize, thread: usize): void {
  coefficients(call, first, last);
  reduceTile(call, call.activation == 0 ? GRADIENT : call.activation == RELU ? GATED : BENT, first, last, thread);
  finishGradient(call, first, last);
}

/** Per channel, for dx = g·scale − (d·slope + level): slope = fl(a·k), level = fl(a·(sumDy/count − (mean − center)·k)). */
function inputCoefficients(call: Call, first: usize, last: usize): void {
  for (let ch = first; ch < last; ++ch) {
    const rstd = reciprocalDeviation(load<f64>(call.variance + (ch << 3)), call.epsilon);
    const a = optional(call, call.gamma, ch, 1) * rstd;
    const k = (rstd * rstd * load<f64>(call.sumDyDeviation + (ch << 3))) / call.count;
    const low = load<f64>(call.mean + (ch << 3)) - value(call, call.coefficient(CENTER), ch);
    putValue(call, call.coefficient(SLOPE), ch, a * k);
    putValue(call, call.coefficient(LEVEL), ch, a * (load<f64>(call.sumDy + (ch << 3)) / call.count - low * k));
  }
}

/** The vector AT bytes behind the pointers where nothing else is wanted than what every training has. */
function inputVector<T, GATE, AT>(
  dx: usize,
  dy: usize,
  x: usize,
  center: v128,
  scale: v128,
  offset: v128,
  slope: v128,
  level: v128,
): void {
  const d = v128.sub<T>(v128.load(x, offsetof<AT>()), center);
  let g = v128.load(dy, offsetof<AT>());
  if (isYes<GATE>()) g = passedVector<T>(g, v128.add<T>(v128.mul<T>(d, scale), offset));
  v128.store(dx, v128.sub<T>(v128.mul<T>(g, scale), v128.add<T>(v128.mul<T>(d, slope), level)), offsetof<AT>());
}

/** A vector with parameters of its own. */
function inputAcross<T, GATE, AT>(
  dx: usize,
  dy: usize,
  x: usize,
  center: usize,
  scale: usize,
  offset: usize,
  slope: usize,
  level: usize,
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
    v128.load(slope, offsetof<AT>()),
    v128.load(level, offsetof<AT>()),
  );
}

/**
 * `length` elements from element k on; the coefficients are at `center` and on, one for all, or if `spread` one for
 * each.
 */
function inputRun<T, GATE>(call: Call, k: usize, length: usize, center: usize, apart: usize, spread: bool): void {
  let at = k * sizeof<T>();
  const end = at + length * sizeof<T>();
  const step: usize = spread ? sizeof<T>() : 0;
  if (ASC_FEATURE_SIMD) {
    if (call.batch != 0 && call.dresidual == 0 && (call.residual == 0 || !isYes<GATE>())) {
      const bytes: usize = sizeof<T>() == 4 ? 32 : 16;
      let dx = call.output + at;
      let dy = call.passed + at;
      let x = call.x + at;
      let scale = center + apart;
      let offset = scale + apart;
      let slope = offset + apart;
      let level = slope + apart;
      const last = call.x + end;
      if (spread) {
        for (; x + bytes <= last; x += bytes, dy += bytes, dx += bytes) {
          inputAcross<T, GATE, At0>(dx, dy, x, center, scale, offset, slope, level);
          if (sizeof<T>() == 4) inputAcross<T, GATE, At16>(dx, dy, x, center, scale, offset, slope, level);
          center += bytes;
          scale += bytes;
          if (isYes<GATE>()) offset += bytes;
          slope += bytes;
          level += bytes;
        }
      } else {
        const centers = splat<T>(center);
        const scales = splat<T>(scale);
        const offsets = splat<T>(offset);
        const slopes = splat<T>(slope);
        const levels = splat<T>(level);
        for (; x + bytes <= last; x += bytes, dy += bytes, dx += bytes) {
          inputVector<T, GATE, At0>(dx, dy, x, centers, scales, offsets, slopes, levels);
          if (sizeof<T>() == 4) inputVector<T, GATE, At16>(dx, dy, x, centers, scales, offsets, slopes, levels);
        }
      }
      at = x - call.x;
    }
    for (; at + 16 <= end; at += 16, center += step * lengthOf<T>())
      anyVector<T, GATE>(call, at, center, apart, spread);
  }
  for (; at < end; at += sizeof<T>(), center += step) inputOne<T, GATE>(call, at, center, apart);
}

/** The vector at byte k in any case. */
function anyVector<T, GATE>(call: Call, k: usize, center: usize, apart: usize, spread: bool): void {
  const scale = parameter<T>(center + apart, spread);
  const d = v128.sub<T>(v128.load(call.x + k), parameter<T>(center, spread));
  let g = v128.load(call.passed + k);
  if (isYes<GATE>()) {
    const offset = parameter<T>(center + 2 * apart, spread);
    g = passedVector<T>(g, preActivationVector<T>(d, scale, offset, residualAt(call, k)));
  }
  let result = v128.mul<T>(g, scale);
  if (call.batch) {
    const rest = v128.mul<T>(d, parameter<T>(center + 3 * apart, spread));
    result = v128.sub<T>(result, v128.add<T>(rest, parameter<T>(center + 4 * apart, spread)));
  }
  if (call.dresidual != 0) v128.store(call.dresidual + k, g);
  v128.store(call.output + k, result);
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

/** `length` elements of channel `ch`, from element k on. */
export function inputRow<T, GATE>(call: Call, k: usize, ch: usize, length: usize): void {
  inputRun<T, GATE>(call, k, length, call.coefficient(CENTER) + ch * sizeof<T>(), call.coefficientBytes, false);
}

/** `count` rows of `width` columns, from element k on; the coefficients of the first one begin at `center`, `apart` bytes apart. */
export function inputColumns<T, GATE>(
  call: Call,
  k: usize,
  width: usize,
  count: usize,
  stride: usize,
  center: usize,
  apart: usize,
): void {
  for (let r: usize = 0; r < count; ++r, k += stride) inputRun<T, GATE>(call, k, width, center, apart, true);
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
  center: usize,
  apart: usize,
): void {
  putPassed<T>(call, k, width, count, stride, center, apart, true);
  inputColumns<T, No>(call, k, width, count, stride, center, apart);
}

/** contract: src/kernels.ts, gradientInput */
export function gradientInputTile(call: Call, first: usize, last: usize, thread: usize): void {
  coefficients(call, first, last);
  writeInput(call, first, last, thread);
}

function writeInput(call: Call, first: usize, last: usize, thread: usize): void {
  if (call.batch) inputCoefficients(call, first, last);
  mapTile(call, INPUT, first, last, thread);
}

/** contract: src/kernels.ts, backward */
export function backwardTile(call: Call, first: usize, last: usize, thread: usize): void {
  gradientSumsTile(call, first, last, thread);
  parameterGradients(call, first, last);
  writeInput(call, first, last, thread);
}

/** dgamma and dbeta of channels from their gradient sums. */
export function parameterGradients(call: Call, first: usize, last: usize): void {
  for (let ch = first; ch < last; ++ch) {
    const rstd = reciprocalDeviation(load<f64>(call.variance + (ch << 3)), call.epsilon);
    putValue(call, call.dgamma, ch, load<f64>(call.sumDyDeviation + (ch << 3)) * rstd);
    putValue(call, call.dbeta, ch, load<f64>(call.sumDy + (ch << 3)));
  }
}
