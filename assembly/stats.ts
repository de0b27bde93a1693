// Mean and variance per channel: docs/numerics.md, section 3.
import { Call } from './call';
import { laneAt, PAIR_BYTES } from './layout';
import { parameter } from './vec';

/** Beyond mean² = 2²⁰·variance, Σx² − m·mean² has lost too many bits: such channels take a second, centred pass. */
const CENTRED_ABOVE: f64 = 1048576.0;
const SECOND: usize = PAIR_BYTES / 2;

/**
 * Σ x and Σ x², added to `lanes`: `count` strips of `width` elements, strip r at x[position + r·stride ...]. The
 * squares are exact for float32: products of two 24-bit significands fit float64.
 */
export function sums<T>(call: Call, lanes: usize, position: usize, width: usize, count: usize, stride: usize): void {
  const x = call.x + position * sizeof<T>();
  const step = stride * sizeof<T>();
  let j: usize = 0;
  if (ASC_FEATURE_SIMD) {
    j = sumsOfEights<T>(lanes, x, width, count, step);
    j = sumsOfPairs<T>(lanes, j, x, width, count, step);
  }
  for (; j < width; ++j) {
    const to = laneAt(lanes, j);
    let first = load<f64>(to);
    let second = load<f64>(to, SECOND);
    let p = x + j * sizeof<T>();
    for (let r: usize = 0; r < count; ++r, p += step) {
      const v = <f64>load<T>(p);
      first += v;
      second += v * v;
    }
    store<f64>(to, first);
    store<f64>(to, second, SECOND);
  }
}

/** Eight lanes: with 16 registers, two doubles a vector leave no room for more. The elements that are done. */
function sumsOfEights<T>(lanes: usize, x: usize, width: usize, count: usize, step: usize): usize {
  let j: usize = 0;
  for (; j + 8 <= width; j += 8) {
    const to = laneAt(lanes, j);
    let first0 = v128.load(to, 0);
    let first1 = v128.load(to, 16);
    let first2 = v128.load(to, 32);
    let first3 = v128.load(to, 48);
    let second0 = v128.load(to, SECOND);
    let second1 = v128.load(to, SECOND + 16);
    let second2 = v128.load(to, SECOND + 32);
    let second3 = v128.load(to, SECOND + 48);
    let p = x + j * sizeof<T>();
    for (let r: usize = 0; r < count; ++r, p += step) {
      const v0 = sizeof<T>() == 4 ? f64x2.promote_low_f32x4(v128.load64_zero(p)) : v128.load(p);
      const v1 = sizeof<T>() == 4 ? f64x2.promote_low_f32x4(v128.load64_zero(p, 8)) : v128.load(p, 16);
      const v2 = sizeof<T>() == 4 ? f64x2.promote_low_f32x4(v128.load64_zero(p, 16)) : v128.load(p, 32);
      const v3 = sizeof<T>() == 4 ? f64x2.promote_low_f32x4(v128.load64_zero(p, 24)) : v128.load(p, 48);
      first0 = f64x2.add(first0, v0);
      first1 = f64x2.add(first1, v1);
      first2 = f64x2.add(first2, v2);
      first3 = f64x2.add(first3, v3);
      second0 = f64x2.add(second0, f64x2.mul(v0, v0));
      second1 = f64x2.add(second1, f64x2.mul(v1, v1));
      second2 = f64x2.add(second2, f64x2.mul(v2, v2));
      second3 = f64x2.add(second3, f64x2.mul(v3, v3));
    }
    v128.store(to, first0, 0);
    v128.store(to, first1, 16);
    v128.store(to, first2, 32);
    v128.store(to, first3, 48);
    v128.store(to, second0, SECOND);
    v128.store(to, second1, SECOND + 16);
    v128.store(to, second2, SECOND + 32);
    v128.store(to, second3, SECOND + 48);
  }
  return j;
}

/** Two lanes at a time, from element j on. The elements that are done. */
function sumsOfPairs<T>(lanes: usize, j: usize, x: usize, width: usize, count: usize, step: usize): usize {
  for (; j + 2 <= width; j += 2) {
    const to = laneAt(lanes, j);
    let first = v128.load(to);
    let second = v128.load(to, SECOND);
    let p = x + j * sizeof<T>();
    for (let r: usize = 0; r < count; ++r, p += step) {
      const v = sizeof<T>() == 4 ? f64x2.promote_low_f32x4(v128.load64_zero(p)) : v128.load(p);
      first = f64x2.add(first, v);
      second = f64x2.add(second, f64x2.mul(v, v));
    }
    v128.store(to, first);
    v128.store(to, second, SECOND);
  }
  return j;
}

/**
 * Σ (x − mean) and Σ (x − mean)², never fused, since these products are not exact. The strips are those of `sums`; the
 * mean is that of channel `ch`, or if `perColumn` one for each element of a strip.
 */
export function centredSums<T>(
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
  const x = call.x + position * sizeof<T>();
  const step = stride * sizeof<T>();
  const means = perColumn ? call.columns(thread, 0) : call.mean + (ch << 3);
  let j: usize = 0;
  if (ASC_FEATURE_SIMD) {
    for (; j + 4 <= width; j += 4) {
      const to = laneAt(lanes, j);
      const mean0 = parameter<f64>(means + (perColumn ? j << 3 : 0), perColumn);
      const mean1 = parameter<f64>(means + (perColumn ? (j + 2) << 3 : 0), perColumn);
      let first0 = v128.load(to, 0);
      let first1 = v128.load(to, 16);
      let second0 = v128.load(to, SECOND);
      let second1 = v128.load(to, SECOND + 16);
      let p = x + j * sizeof<T>();
      for (let r: usize = 0; r < count; ++r, p += step) {
        const v0 = sizeof<T>() == 4 ? f64x2.promote_low_f32x4(v128.load64_zero(p)) : v128.load(p);
        const v1 = sizeof<T>() == 4 ? f64x2.promote_low_f32x4(v128.load64_zero(p, 8)) : v128.load(p, 16);
        const d0 = f64x2.sub(v0, mean0);
        const d1 = f64x2.sub(v1, mean1);
        first0 = f64x2.add(first0, d0);
        first1 = f64x2.add(first1, d1);
        second0 = f64x2.add(second0, f64x2.mul(d0, d0));
        second1 = f64x2.add(second1, f64x2.mul(d1, d1));
      }
      v128.store(to, first0, 0);
      v128.store(to, first1, 16);
      v128.store(to, second0, SECOND);
      v128.store(to, second1, SECOND + 16);
    }
  }
  if (j < width) centredSumsOfElements<T>(lanes, j, means, perColumn, x, width, count, step);
}

/** The elements from j on, one by one. */
function centredSumsOfElements<T>(
  lanes: usize,
  j: usize,
  means: usize,
  perColumn: bool,
  x: usize,
  width: usize,
  count: usize,
  step: usize,
): void {
  for (; j < width; ++j) {
    const to = laneAt(lanes, j);
    const mean = load<f64>(means + (perColumn ? j << 3 : 0));
    let first = load<f64>(to);
    let second = load<f64>(to, SECOND);
    let p = x + j * sizeof<T>();
    for (let r: usize = 0; r < count; ++r, p += step) {
      const d = <f64>load<T>(p) - mean;
      first += d;
      second += d * d;
    }
    store<f64>(to, first);
    store<f64>(to, second, SECOND);
  }
}

/** float64 data always takes the centred pass: its squares are not exact. */
function needsCentring(call: Call, mean: f64, variance: f64): bool {
  return call.width == 8 || mean * mean > CENTRED_ABOVE * variance;
}

/** A variance that rounding made negative is 0; NaN stays. */
function clamp(variance: f64): f64 {
  return variance < 0 ? 0 : variance;
}

/** mean += e, variance = q − e², where e and q are the means of x − mean and of its square. An infinite mean stays. */
function centre(mean: usize, variance: usize, e: f64, q: f64): void {
  const finite = isFinite(load<f64>(mean));
  store<f64>(variance, finite ? clamp(q - e * e) : NaN);
  if (finite) store<f64>(mean, load<f64>(mean) + e);
}

/** Mean and variance of channels from their sums; whether some of them take the centred pass. */
export function finishSums(call: Call, first: usize, last: usize): bool {
  const m = call.count;
  let centring = false;
  for (let ch = first; ch < last; ++ch) {
    const sum = load<f64>(call.totals + (ch << 3));
    const mean = sum / m;
    const variance = clamp((load<f64>(call.totals + ((call.c + ch) << 3)) - sum * mean) / m);
    store<f64>(call.mean + (ch << 3), mean);
    store<f64>(call.variance + (ch << 3), variance);
    if (needsCentring(call, mean, variance)) centring = true;
  }
  return centring;
}

/** Mean and variance of the channels that take the centred pass, from its sums. */
export function finishCentred(call: Call, first: usize, last: usize): void {
  const m = call.count;
  for (let ch = first; ch < last; ++ch) {
    const mean = call.mean + (ch << 3);
    const variance = call.variance + (ch << 3);
    if (!needsCentring(call, load<f64>(mean), load<f64>(variance))) continue;
    centre(mean, variance, load<f64>(call.totals + (ch << 3)) / m, load<f64>(call.totals + ((call.c + ch) << 3)) / m);
  }
}
