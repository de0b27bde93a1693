// The two gradient sums per channel, and what follows from them per channel: docs/numerics.md, section 5.
import { gradient, gradientVector } from './activation';
import { Call, CENTER, DX_OFFSET, DX_SLOPE } from './call';
import { optional, preActivation, preActivationVector, putValue, reciprocalDeviation, value } from './coefficients';
import { isBent, isYes, No } from './kinds';
import { laneAt, PAIR_BYTES } from './layout';
import { lengthOf, parameter, widenHigh, widenLow } from './vec';

const SECOND: usize = PAIR_BYTES / 2;

/**
 * g: dy through the activation, whose input is computed again. `residual` points to this element, or is 0; `lines` is
 * that of the call.
 */
export function gradientThrough<T, GATE>(dy: T, d: T, scale: T, offset: T, residual: usize, lines: usize): T {
  return gradient<T, GATE>(dy, preActivation<T>(d, scale, offset, residual), lines);
}
export function gradientThroughVector<T, GATE>(
  dy: v128,
  d: v128,
  scale: v128,
  offset: v128,
  residual: usize,
  lines: usize,
): v128 {
  return gradientVector<T, GATE>(dy, preActivationVector<T>(d, scale, offset, residual), lines);
}

/** The address of the residual at byte k, or 0 where there is none. */
export function residualAt(call: Call, k: usize): usize {
  return call.residual == 0 ? 0 : call.residual + k;
}

/** Whether g depends on the input of the activation. */
function isGate<GATE>(): bool {
  return isYes<GATE>() || isBent<GATE>();
}

/**
 * Σ g and Σ g·d, where d = fl(x − center) is of the tensor's type, so that float32 products are exact. Added to
 * `lanes`: `count` strips of `width` elements, strip r at x[position + r·stride ...], with the coefficients of channel
 * `ch`, or if `perColumn` those of each element of a strip.
 */
export function gradientTerm<T, GATE>(
  call: Call,
  lanes: usize,
  position: usize,
  ch: usize,
  perColumn: bool,
  width: usize,
  count: usize,
  stride: usize,
  thread: usize,
): void {
  const center = perColumn ? call.columns(thread, CENTER) : call.coefficient(CENTER) + ch * sizeof<T>();
  const apart = perColumn ? call.columnBytes : call.coefficientBytes;
  const step = stride * sizeof<T>();
  const start = position * sizeof<T>();
  if (!ASC_FEATURE_SIMD) {
    gradientOfElements<T, GATE>(call, lanes, 0, start, center, apart, perColumn, width, count, step);
  } else if (sizeof<T>() == 4 && !isGate<GATE>()) {
    gradientOfEights(call, lanes, start, center, perColumn, width, count, step);
  } else gradientOfVectors<T, GATE>(call, lanes, 0, start, center, apart, perColumn, width, count, step);
}

/** Eight lanes at a time: with 16 registers, two doubles a vector leave no room for more. Without an activation. */
function gradientOfEights(
  call: Call,
  lanes: usize,
  start: usize,
  center: usize,
  perColumn: bool,
  width: usize,
  count: usize,
  step: usize,
): void {
  let j: usize = 0;
  for (; j + 8 <= width; j += 8) {
    const at = center + (perColumn ? j << 2 : 0);
    const centers0 = parameter<f32>(at, perColumn);
    const centers1 = parameter<f32>(at + (perColumn ? 16 : 0), perColumn);
    const to = laneAt(lanes, j);
    let first0 = v128.load(to);
    let first1 = v128.load(to, 16);
    let first2 = v128.load(to, 32);
    let first3 = v128.load(to, 48);
    let second0 = v128.load(to, SECOND);
    let second1 = v128.load(to, SECOND + 16);
    let second2 = v128.load(to, SECOND + 32);
    let second3 = v128.load(to, SECOND + 48);
    let x = call.x + start + (j << 2);
    let dy = call.dy + start + (j << 2);
    for (let r: usize = 0; r < count; ++r, x += step, dy += step) {
      const d0 = f32x4.sub(v128.load(x), centers0);
      const g0 = v128.load(dy);
      const low0 = widenLow(g0);
      const high0 = widenHigh(g0);
      first0 = f64x2.add(first0, low0);
      first1 = f64x2.add(first1, high0);
      second0 = f64x2.add(second0, f64x2.mul(low0, widenLow(d0)));
      second1 = f64x2.add(second1, f64x2.mul(high0, widenHigh(d0)));
      const d1 = f32x4.sub(v128.load(x, 16), centers1);
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
  if (j < width) gradientOfVectors<f32, No>(call, lanes, j, start, center, 0, perColumn, width, count, step);
}

/** A vector at a time, from element j on, and the elements behind the last one. */
function gradientOfVectors<T, GATE>(
  call: Call,
  lanes: usize,
  j: usize,
  start: usize,
  center: usize,
  apart: usize,
  perColumn: bool,
  width: usize,
  count: usize,
  step: usize,
): void {
  const lines = call.lines;
  for (; j + lengthOf<T>() <= width; j += lengthOf<T>()) {
    const at = center + (perColumn ? j * sizeof<T>() : 0);
    const centers = parameter<T>(at, perColumn);
    const scales = isGate<GATE>() ? parameter<T>(at + apart, perColumn) : centers;
    const offsets = isGate<GATE>() ? parameter<T>(at + 2 * apart, perColumn) : centers;
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
      if (isGate<GATE>()) g = gradientThroughVector<T, GATE>(g, d, scales, offsets, residual, lines);
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
  if (j < width) {
    gradientOfElements<T, GATE>(call, lanes, j, start, center, apart, perColumn, width, count, step);
  }
}

/** The elements from j on, one by one. */
function gradientOfElements<T, GATE>(
  call: Call,
  lanes: usize,
  j: usize,
  start: usize,
  center: usize,
  apart: usize,
  perColumn: bool,
  width: usize,
  count: usize,
  step: usize,
): void {
  for (; j < width; ++j) {
    const at = center + (perColumn ? j * sizeof<T>() : 0);
    const to = laneAt(lanes, j);
    let first = load<f64>(to);
    let second = load<f64>(to, SECOND);
    let k = start + j * sizeof<T>();
    for (let r: usize = 0; r < count; ++r, k += step) {
      const d = load<T>(call.x + k) - load<T>(at);
      let g = load<T>(call.dy + k);
      if (isGate<GATE>()) {
        const scale = load<T>(at + apart);
        const offset = load<T>(at + 2 * apart);
        g = gradientThrough<T, GATE>(g, d, scale, offset, residualAt(call, k), call.lines);
      }
      first += <f64>g;
      second += <f64>g * <f64>d;
    }
    store<f64>(to, first);
    store<f64>(to, second, SECOND);
  }
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

/**
 * Per channel, for dx = g·scale − (d·dxSlope + dxOffset): dxSlope = fl(a·k) and
 * dxOffset = fl(a·(sumDy/count − (mean − center)·k)), where a = gamma·rstd and k = rstd²·sumDyDeviation/count.
 */
export function inputCoefficients(call: Call, first: usize, last: usize): void {
  for (let ch = first; ch < last; ++ch) {
    const rstd = reciprocalDeviation(load<f64>(call.variance + (ch << 3)), call.epsilon);
    const a = optional(call, call.gamma, ch, 1) * rstd;
    const k = (rstd * rstd * load<f64>(call.sumDyDeviation + (ch << 3))) / call.count;
    const low = load<f64>(call.mean + (ch << 3)) - value(call, call.coefficient(CENTER), ch);
    putValue(call, call.coefficient(DX_SLOPE), ch, a * k);
    putValue(call, call.coefficient(DX_OFFSET), ch, a * (load<f64>(call.sumDy + (ch << 3)) / call.count - low * k));
  }
}

/** dgamma and dbeta of channels from their gradient sums. */
export function parameterGradients(call: Call, first: usize, last: usize): void {
  for (let ch = first; ch < last; ++ch) {
    const rstd = reciprocalDeviation(load<f64>(call.variance + (ch << 3)), call.epsilon);
    putValue(call, call.dgamma, ch, load<f64>(call.sumDyDeviation + (ch << 3)) * rstd);
    putValue(call, call.dbeta, ch, load<f64>(call.sumDy + (ch << 3)));
  }
}
