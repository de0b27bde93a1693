// The exports of the module: each kernel of src/kernels.ts once per element type. Pointers are byte addresses, 0 counts
// as null; the last argument is `scratchBytes` bytes of memory to work in, aligned to 64.
import { backward, gradientInput, gradientSums } from './backward';
import { scratchBytes } from './layout';
import { forward, normalize } from './normalize';
import { statistics } from './stats';

export { scratchBytes };

export function statistics_f32(
  mean: usize,
  variance: usize,
  x: usize,
  n: usize,
  c: usize,
  s: usize,
  workspace: usize,
): void {
  statistics<f32>(mean, variance, x, n, c, s, workspace);
}

export function statistics_f64(
  mean: usize,
  variance: usize,
  x: usize,
  n: usize,
  c: usize,
  s: usize,
  workspace: usize,
): void {
  statistics<f64>(mean, variance, x, n, c, s, workspace);
}

export function normalize_f32(
  y: usize,
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
  normalize<f32>(y, x, residual, mean, variance, gamma, beta, epsilon, activation, n, c, s, workspace);
}

export function normalize_f64(
  y: usize,
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
  normalize<f64>(y, x, residual, mean, variance, gamma, beta, epsilon, activation, n, c, s, workspace);
}

export function forward_f32(
  y: usize,
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
  forward<f32>(y, x, residual, mean, variance, gamma, beta, epsilon, activation, n, c, s, workspace);
}

export function forward_f64(
  y: usize,
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
  forward<f64>(y, x, residual, mean, variance, gamma, beta, epsilon, activation, n, c, s, workspace);
}

export function gradientSums_f32(
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
  gradientSums<f32>(
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
}

export function gradientSums_f64(
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
  gradientSums<f64>(
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
}

export function gradientInput_f32(
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
  gradientInput<f32>(
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
    sumDy,
    sumDyDeviation,
    count,
    n,
    c,
    s,
    workspace,
  );
}

export function gradientInput_f64(
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
  gradientInput<f64>(
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
    sumDy,
    sumDyDeviation,
    count,
    n,
    c,
    s,
    workspace,
  );
}

export function backward_f32(
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
  backward<f32>(
    dx,
    dresidual,
    dgamma,
    dbeta,
    dy,
    x,
    residual,
    mean,
    variance,
    gamma,
    beta,
    epsilon,
    activation,
    batchStatistics,
    n,
    c,
    s,
    workspace,
  );
}

export function backward_f64(
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
  backward<f64>(
    dx,
    dresidual,
    dgamma,
    dbeta,
    dy,
    x,
    residual,
    mean,
    variance,
    gamma,
    beta,
    epsilon,
    activation,
    batchStatistics,
    n,
    c,
    s,
    workspace,
  );
}
