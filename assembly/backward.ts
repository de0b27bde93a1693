// The two gradient sums per channel, and dx from them: docs/numerics.md, section 5.
import {
  COLUMNS_BELOW,
  Coefficients,
  columnsOf,
  GRADIENT,
  least,
  PAIR_BYTES,
  Scratch,
  SPREAD_BELOW,
  Term,
} from './layout';
import {
  coefficients,
  optional,
  passed,
  preActivation,
  preActivation4,
  reciprocalDeviation,
  spreadCoefficients,
} from './normalize';
import { reduce } from './reduce';
import { addProduct, parameter4, passed4, widenHigh, widenLow } from './vec';

const SECOND: usize = PAIR_BYTES / 2;

/** dy where the activation passes (z > 0), +0 where it stops, NaN where z is NaN. `dy` and `residual` point to it. */
function passedGradient<T>(dy: usize, d: T, scale: T, offset: T, residual: usize, activation: i32): T {
  const g = load<T>(dy);
  return activation == 0 ? g : passed<T>(g, preActivation<T>(d, scale, offset, residual));
}
function passedGradient4(dy: usize, d: v128, scale: v128, offset: v128, residual: usize, activation: i32): v128 {
  const g = v128.load(dy);
  return activation == 0 ? g : passed4(g, preActivation4(d, scale, offset, residual));
}

/** Σ g and Σ g·d, where d = fl(x − center) is of the tensor's type, so that float32 products are exact. */
export function gradientStrip<T>(
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
        gradientBlock(term, lanes + (j << 3), (position + j) << 2, at, spread, count, stride << 2);
      }
    }
  }
  for (; j < width; ++j) {
    const at = (parameter + (spread ? j : 0)) * sizeof<T>();
    const center = load<T>(term.center + at);
    const scale = load<T>(term.scale + at);
    const offset = load<T>(term.offset + at);
    let first = load<f64>(lanes + (j << 3));
    let second = load<f64>(lanes + (j << 3), SECOND);
    let k = (position + j) * sizeof<T>();
    for (let r: usize = 0; r < count; ++r, k += stride * sizeof<T>()) {
      const d = load<T>(term.x + k) - center;
      const residual: usize = term.residual == 0 ? 0 : term.residual + k;
      const g = <f64>passedGradient<T>(term.dy + k, d, scale, offset, residual, term.activation);
      first += g;
      second += g * <f64>d;
    }
    store<f64>(lanes + (j << 3), first);
    store<f64>(lanes + (j << 3), second, SECOND);
  }
}

/** Four lanes. */
function gradientBlock(
  term: Term,
  lanes: usize,
  k: usize,
  at: usize,
  spread: bool,
  count: usize,
  strideBytes: usize,
): void {
  const x = term.x;
  const dy = term.dy;
  const residual = term.residual;
  const activation = term.activation;
  const center = parameter4(term.center, at, spread);
  const scale = parameter4(term.scale, at, spread);
  const offset = parameter4(term.offset, at, spread);
  let first0 = v128.load(lanes, 0);
  let first1 = v128.load(lanes, 16);
  let second0 = v128.load(lanes, SECOND);
  let second1 = v128.load(lanes, SECOND + 16);
  for (let r: usize = 0; r < count; ++r, k += strideBytes) {
    const d = f32x4.sub(v128.load(x + k), center);
    const g = passedGradient4(dy + k, d, scale, offset, residual == 0 ? 0 : residual + k, activation);
    const low = widenLow(g);
    const high = widenHigh(g);
    first0 = f64x2.add(first0, low);
    first1 = f64x2.add(first1, high);
    second0 = addProduct(second0, low, widenLow(d));
    second1 = addProduct(second1, high, widenHigh(d));
  }
  v128.store(lanes, first0, 0);
  v128.store(lanes, first1, 16);
  v128.store(lanes, second0, SECOND);
  v128.store(lanes, second1, SECOND + 16);
}

/** contract: src/kernels.ts, gradientSums */
export function gradientSums<T>(
  sumDy: usize,
  sumDyDeviation: usize,
  dy: usize,
  x: usize,
  residual: usize,
  mean: usize,
  variance: usize,
  gamma: usize,
  beta: usize,
  epsilon: f64,
  activation: i32,
  n: usize,
  c: usize,
  s: usize,
  workspace: usize,
): void {
  const scratch = Scratch.at(workspace, c, s);
  const totals = scratch.totals;
  coefficients<T>(scratch.channels, mean, variance, gamma, beta, epsilon, c);
  const coefs = s < COLUMNS_BELOW ? spreadCoefficients<T>(scratch, c, s, false) : scratch.channels;
  const term = scratch.term;
  term.kind = GRADIENT;
  term.activation = activation;
  term.x = x;
  term.dy = dy;
  term.residual = residual;
  term.center = coefs.center;
  term.scale = coefs.scale;
  term.offset = coefs.offset;
  reduce<T>(totals, term, n, c, s, scratch.lanes);
  for (let ch: usize = 0; ch < c; ++ch) {
    const sum = load<f64>(totals + (ch << 3));
    const center = <f64>load<T>(scratch.channels.center + ch * sizeof<T>());
    const low = load<f64>(mean + (ch << 3)) - center;
    store<f64>(sumDy + (ch << 3), sum);
    store<f64>(sumDyDeviation + (ch << 3), load<f64>(totals + ((c + ch) << 3)) - low * sum);
  }
}

/** Per channel, for dx = g·scale − (d·slope + level): slope = fl(a·k), level = fl(a·(sumDy/count − (mean − center)·k)). */
function inputCoefficients<T>(
  to: Coefficients,
  mean: usize,
  variance: usize,
  gamma: usize,
  epsilon: f64,
  sumDy: usize,
  sumDyDeviation: usize,
  count: f64,
  c: usize,
): void {
  for (let ch: usize = 0; ch < c; ++ch) {
    const at = ch * sizeof<T>();
    const rstd = reciprocalDeviation(load<f64>(variance + (ch << 3)), epsilon);
    const a = optional<T>(gamma, ch, 1) * rstd;
    const k = (rstd * rstd * load<f64>(sumDyDeviation + (ch << 3))) / count;
    const low = load<f64>(mean + (ch << 3)) - <f64>load<T>(to.center + at);
    store<T>(to.slope + at, <T>(a * k));
    store<T>(to.level + at, <T>(a * (load<f64>(sumDy + (ch << 3)) / count - low * k)));
  }
}

/** `length` elements, with the coefficients of one channel, or of one column after the other if `spread`. */
function inputRow<T>(
  dx: usize,
  dresidual: usize,
  dy: usize,
  x: usize,
  residual: usize,
  coefs: Coefficients,
  at: usize,
  spread: bool,
  activation: i32,
  batch: bool,
  length: usize,
): void {
  let j: usize = 0;
  if (ASC_FEATURE_SIMD) {
    if (sizeof<T>() == 4) {
      let center = parameter4(coefs.center, at, false);
      let scale = parameter4(coefs.scale, at, false);
      let offset = parameter4(coefs.offset, at, false);
      let slope = parameter4(coefs.slope, at, false);
      let level = parameter4(coefs.level, at, false);
      for (; j + 4 <= length; j += 4) {
        if (spread) {
          center = parameter4(coefs.center, at + j, true);
          scale = parameter4(coefs.scale, at + j, true);
          offset = parameter4(coefs.offset, at + j, true);
          slope = parameter4(coefs.slope, at + j, true);
          level = parameter4(coefs.level, at + j, true);
        }
        const k = j << 2;
        const d = f32x4.sub(v128.load(x + k), center);
        const g = passedGradient4(dy + k, d, scale, offset, residual == 0 ? 0 : residual + k, activation);
        const direct = f32x4.mul(g, scale);
        if (dresidual != 0) v128.store(dresidual + k, g);
        v128.store(dx + k, batch ? f32x4.sub(direct, f32x4.add(f32x4.mul(d, slope), level)) : direct);
      }
    }
  }
  for (; j < length; ++j) {
    const p = (at + (spread ? j : 0)) * sizeof<T>();
    const k = j * sizeof<T>();
    const scale = load<T>(coefs.scale + p);
    const d = load<T>(x + k) - load<T>(coefs.center + p);
    const z: usize = residual == 0 ? 0 : residual + k;
    const g = passedGradient<T>(dy + k, d, scale, load<T>(coefs.offset + p), z, activation);
    const direct = g * scale;
    if (dresidual != 0) store<T>(dresidual + k, g);
    store<T>(dx + k, batch ? direct - (d * load<T>(coefs.slope + p) + load<T>(coefs.level + p)) : direct);
  }
}

/** contract: src/kernels.ts, gradientInput; sumDy is 0 where the statistics were given */
export function gradientInput<T>(
  dx: usize,
  dresidual: usize,
  dy: usize,
  x: usize,
  residual: usize,
  mean: usize,
  variance: usize,
  gamma: usize,
  beta: usize,
  epsilon: f64,
  activation: i32,
  sumDy: usize,
  sumDyDeviation: usize,
  count: f64,
  n: usize,
  c: usize,
  s: usize,
  workspace: usize,
): void {
  const scratch = Scratch.at(workspace, c, s);
  const to = scratch.channels;
  const batch = sumDy != 0;
  coefficients<T>(to, mean, variance, gamma, beta, epsilon, c);
  if (batch) inputCoefficients<T>(to, mean, variance, gamma, epsilon, sumDy, sumDyDeviation, count, c);
  const columns = s < SPREAD_BELOW;
  const coefs = columns ? spreadCoefficients<T>(scratch, c, s, batch) : to;
  const size = n * c * s;
  const row = columns ? columnsOf(c, s) : s;
  for (let start: usize = 0, ch: usize = 0; start < size; start += row) {
    const k = start * sizeof<T>();
    const dz: usize = dresidual == 0 ? 0 : dresidual + k;
    const z: usize = residual == 0 ? 0 : residual + k;
    inputRow<T>(dx + k, dz, dy + k, x + k, z, coefs, ch, columns, activation, batch, least(row, size - start));
    ch = columns || ch + 1 == c ? 0 : ch + 1;
  }
}

/** contract: src/kernels.ts, backward */
export function backward<T>(
  dx: usize,
  dresidual: usize,
  dgamma: usize,
  dbeta: usize,
  dy: usize,
  x: usize,
  residual: usize,
  mean: usize,
  variance: usize,
  gamma: usize,
  beta: usize,
  epsilon: f64,
  activation: i32,
  batchStatistics: bool,
  n: usize,
  c: usize,
  s: usize,
  workspace: usize,
): void {
  const scratch = Scratch.at(workspace, c, s);
  const sumDy = scratch.sumDy;
  const sumDyDeviation = scratch.sumDyDeviation;
  gradientSums<T>(
    sumDy,
    sumDyDeviation,
    dy,
    x,
    residual,
    mean,
    variance,
    gamma,
    beta,
    epsilon,
    activation,
    n,
    c,
    s,
    workspace,
  );
  const given: usize = batchStatistics ? sumDy : 0;
  gradientInput<T>(
    dx,
    dresidual,
    dy,
    x,
    residual,
    mean,
    variance,
    gamma,
    beta,
    epsilon,
    activation,
    given,
    sumDyDeviation,
    <f64>(n * s),
    n,
    c,
    s,
    workspace,
  );
  for (let ch: usize = 0; ch < c; ++ch) {
    const rstd = reciprocalDeviation(load<f64>(variance + (ch << 3)), epsilon);
    store<T>(dgamma + ch * sizeof<T>(), <T>(load<f64>(sumDyDeviation + (ch << 3)) * rstd));
    store<T>(dbeta + ch * sizeof<T>(), <T>load<f64>(sumDy + (ch << 3)));
  }
}
