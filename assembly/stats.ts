// Mean and variance per channel: docs/numerics.md, section 3.
import { CENTRED, COLUMNS_BELOW, PAIR_BYTES, Scratch, SUMS, Term } from './layout';
import { reduce, spread } from './reduce';
import { addProduct, parameter2, widenHigh, widenLow } from './vec';

/** Beyond mean² = 2²⁰·variance, Σx² − m·mean² has lost too many bits: such channels take a second, centred pass. */
const CENTRED_ABOVE: f64 = 1048576.0;
const SECOND: usize = PAIR_BYTES / 2;

/** Σ x and Σ x². The squares are exact for float32: products of two 24-bit significands fit float64. */
export function sumsStrip<T>(
  term: Term,
  lanes: usize,
  position: usize,
  width: usize,
  count: usize,
  stride: usize,
): void {
  let j: usize = 0;
  if (ASC_FEATURE_SIMD) {
    if (sizeof<T>() == 4) {
      for (; j + 8 <= width; j += 8) sumsBlock(lanes + (j << 3), term.x + ((position + j) << 2), count, stride << 2);
    }
  }
  for (; j < width; ++j) {
    let first = load<f64>(lanes + (j << 3));
    let second = load<f64>(lanes + (j << 3), SECOND);
    let p = term.x + (position + j) * sizeof<T>();
    for (let r: usize = 0; r < count; ++r, p += stride * sizeof<T>()) {
      const v = <f64>load<T>(p);
      first += v;
      second += v * v;
    }
    store<f64>(lanes + (j << 3), first);
    store<f64>(lanes + (j << 3), second, SECOND);
  }
}

/** Eight lanes: with 16 registers, two doubles a vector leave no room for more. */
function sumsBlock(lanes: usize, p: usize, count: usize, strideBytes: usize): void {
  let first0 = v128.load(lanes, 0);
  let first1 = v128.load(lanes, 16);
  let first2 = v128.load(lanes, 32);
  let first3 = v128.load(lanes, 48);
  let second0 = v128.load(lanes, SECOND);
  let second1 = v128.load(lanes, SECOND + 16);
  let second2 = v128.load(lanes, SECOND + 32);
  let second3 = v128.load(lanes, SECOND + 48);
  for (let r: usize = 0; r < count; ++r, p += strideBytes) {
    const low = v128.load(p, 0);
    const high = v128.load(p, 16);
    const v0 = widenLow(low);
    const v1 = widenHigh(low);
    const v2 = widenLow(high);
    const v3 = widenHigh(high);
    first0 = f64x2.add(first0, v0);
    first1 = f64x2.add(first1, v1);
    first2 = f64x2.add(first2, v2);
    first3 = f64x2.add(first3, v3);
    second0 = addProduct(second0, v0, v0);
    second1 = addProduct(second1, v1, v1);
    second2 = addProduct(second2, v2, v2);
    second3 = addProduct(second3, v3, v3);
  }
  v128.store(lanes, first0, 0);
  v128.store(lanes, first1, 16);
  v128.store(lanes, first2, 32);
  v128.store(lanes, first3, 48);
  v128.store(lanes, second0, SECOND);
  v128.store(lanes, second1, SECOND + 16);
  v128.store(lanes, second2, SECOND + 32);
  v128.store(lanes, second3, SECOND + 48);
}

/** Σ (x − mean) and Σ (x − mean)². */
export function centredStrip<T>(
  term: Term,
  lanes: usize,
  position: usize,
  parameter: usize,
  spread: bool,
  width: usize,
  count: usize,
  stride: usize,
): void {
  let j: usize = 0;
  if (ASC_FEATURE_SIMD) {
    if (sizeof<T>() == 4) {
      for (; j + 4 <= width; j += 4) {
        const at = parameter + (spread ? j : 0);
        const mean0 = parameter2(term.mean, at, spread);
        const mean1 = parameter2(term.mean, at + (spread ? 2 : 0), spread);
        centredBlock(lanes + (j << 3), term.x + ((position + j) << 2), mean0, mean1, count, stride << 2);
      }
    }
  }
  for (; j < width; ++j) {
    const mean = load<f64>(term.mean + ((parameter + (spread ? j : 0)) << 3));
    let first = load<f64>(lanes + (j << 3));
    let second = load<f64>(lanes + (j << 3), SECOND);
    let p = term.x + (position + j) * sizeof<T>();
    for (let r: usize = 0; r < count; ++r, p += stride * sizeof<T>()) {
      const d = <f64>load<T>(p) - mean;
      first += d;
      second += d * d;
    }
    store<f64>(lanes + (j << 3), first);
    store<f64>(lanes + (j << 3), second, SECOND);
  }
}

/** Four lanes. */
function centredBlock(lanes: usize, p: usize, mean0: v128, mean1: v128, count: usize, strideBytes: usize): void {
  let first0 = v128.load(lanes, 0);
  let first1 = v128.load(lanes, 16);
  let second0 = v128.load(lanes, SECOND);
  let second1 = v128.load(lanes, SECOND + 16);
  for (let r: usize = 0; r < count; ++r, p += strideBytes) {
    const v = v128.load(p);
    const d0 = f64x2.sub(widenLow(v), mean0);
    const d1 = f64x2.sub(widenHigh(v), mean1);
    first0 = f64x2.add(first0, d0);
    first1 = f64x2.add(first1, d1);
    second0 = f64x2.add(second0, f64x2.mul(d0, d0));
    second1 = f64x2.add(second1, f64x2.mul(d1, d1));
  }
  v128.store(lanes, first0, 0);
  v128.store(lanes, first1, 16);
  v128.store(lanes, second0, SECOND);
  v128.store(lanes, second1, SECOND + 16);
}

/** float64 data always takes the centred pass: its squares are not exact. */
function needsCentring<T>(mean: f64, variance: f64): bool {
  return sizeof<T>() == 8 || mean * mean > CENTRED_ABOVE * variance;
}

/** A variance that rounding made negative is 0; NaN stays. */
function clamp(variance: f64): f64 {
  return variance < 0 ? 0 : variance;
}

/** contract: src/kernels.ts, statistics */
export function statistics<T>(
  mean: usize,
  variance: usize,
  x: usize,
  n: usize,
  c: usize,
  s: usize,
  workspace: usize,
): void {
  const scratch = Scratch.at(workspace, c, s);
  const totals = scratch.totals;
  const m = <f64>(n * s);
  const term = scratch.term;
  term.kind = SUMS;
  term.x = x;

  reduce<T>(totals, term, n, c, s, scratch.lanes);
  let centring = false;
  for (let ch: usize = 0; ch < c; ++ch) {
    const sum = load<f64>(totals + (ch << 3));
    const mean0 = sum / m;
    const variance0 = clamp((load<f64>(totals + ((c + ch) << 3)) - sum * mean0) / m);
    store<f64>(mean + (ch << 3), mean0);
    store<f64>(variance + (ch << 3), variance0);
    if (needsCentring<T>(mean0, variance0)) centring = true;
  }
  if (!centring) return;

  const columns = s < COLUMNS_BELOW;
  if (columns) spread<f64>(scratch.means, mean, c, s);
  term.kind = CENTRED;
  term.mean = columns ? scratch.means : mean;
  reduce<T>(totals, term, n, c, s, scratch.lanes);
  for (let ch: usize = 0; ch < c; ++ch) {
    const at = ch << 3;
    if (needsCentring<T>(load<f64>(mean + at), load<f64>(variance + at))) {
      centre(mean + at, variance + at, load<f64>(totals + at) / m, load<f64>(totals + ((c + ch) << 3)) / m);
    }
  }
}

/** mean += e, variance = q − e², where e and q are the means of x − mean and of its square. An infinite mean stays. */
function centre(mean: usize, variance: usize, e: f64, q: f64): void {
  const finite = isFinite(load<f64>(mean));
  store<f64>(variance, finite ? clamp(q - e * e) : NaN);
  if (finite) store<f64>(mean, load<f64>(mean) + e);
}
