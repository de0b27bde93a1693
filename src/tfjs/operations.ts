/**
 * Batch normalization as differentiable TensorFlow.js operations: tensors in and out, the library's functions between.
 */
import { customGrad, type GradSaveFunc, type Tensor } from '@tensorflow/tfjs-core';
import { backward, forwardInference, forwardTraining } from '../index.js';
import type { Summation } from '../passes/exact.js';
import { computeTensors } from './heap.js';
import { addStatisticsGradient, maskedStatistics, type Positions } from './mask.js';
import type { Pass, Settings, Statistics, Timed } from './pass.js';
import { differentiableGradients, type GradientInputs } from './second-order.js';
import type { Ranks, WholeStatistics } from './synchronize.js';

/** The learnt parameters, [c] each; null where the layer has none. */
export interface LearntParameters {
  readonly gamma: Tensor | null;
  readonly beta: Tensor | null;
}

/**
 * y with the statistics of this batch, and these statistics. Differentiable in x, gamma and beta. With `positions`
 * (channels last) the statistics are those of the rows that count, of which there must be one.
 */
export function normalizeByBatch(
  x: Tensor,
  { gamma, beta }: LearntParameters,
  settings: Settings,
  positions: Positions | null,
  timeBackward: Timed,
): { y: Tensor } & Statistics {
  let statistics!: Statistics;
  const [y] = computeTensors([x.shape], { x, gamma, beta }, ([out], { x: values, ...parameters }) => {
    const options = { ...settings, ...parameters, out };
    if (positions === null) {
      // TensorFlow.js normalises a single value per channel too (variance 0, y = beta).
      statistics = forwardTraining(values, x.shape, { ...options, singleValue: 'allow' });
    } else {
      statistics = maskedStatistics(values, x.shape.at(-1)!, positions);
      forwardInference(values, x.shape, { ...options, ...statistics });
    }
  });
  const { mean, variance } = statistics;
  const pass: Pass = {
    ...settings,
    mean,
    variance,
    kind: 'batch',
    positions,
    timed: timeBackward,
    summation: 'ordered',
  };
  return { y: differentiable(y, x, { gamma, beta }, pass), mean, variance };
}

/**
 * The same with the statistics of this batch and those of the other ranks; null where nothing counts on any of them.
 * Every rank calls it, and differentiates it if one does.
 */
export function normalizeTogether(
  x: Tensor,
  { gamma, beta }: LearntParameters,
  settings: Settings,
  positions: Positions | null,
  timeBackward: Timed,
  ranks: Ranks,
): ({ y: Tensor; count: number } & Statistics) | null {
  const { axis } = settings;
  let whole!: WholeStatistics;
  const [y] = computeTensors([x.shape], { x, gamma, beta }, ([out], { x: values, ...parameters }) => {
    whole = ranks.statistics(values, x.shape, axis, positions);
    if (whole.count === 0) return;
    const { mean, variance } = whole;
    forwardInference(values, x.shape, { ...settings, mean, variance, ...parameters, out });
  });
  const { mean, variance, count } = whole;
  if (count === 0) return null;
  const pass: Pass = {
    ...settings,
    mean,
    variance,
    kind: 'batch',
    positions,
    timed: timeBackward,
    summation: ranks.summation,
    shared: { ranks, count },
  };
  return { y: differentiable(y, x, { gamma, beta }, pass), mean, variance, count };
}

/** y with given statistics, which count as constants. Differentiable in x, gamma and beta. */
export function normalizeByGiven(
  x: Tensor,
  { gamma, beta }: LearntParameters,
  statistics: Statistics,
  { summation, ...settings }: Settings & { readonly summation: Summation },
  timeBackward: Timed,
): Tensor {
  const [y] = computeTensors([x.shape], { x, gamma, beta }, ([out], { x: values, ...parameters }) => {
    forwardInference(values, x.shape, { ...settings, ...statistics, ...parameters, out });
  });
  const pass: Pass = { ...settings, ...statistics, kind: 'given', positions: null, timed: timeBackward, summation };
  return differentiable(y, x, { gamma, beta }, pass);
}

/** y as the result of an operation on x, gamma and beta whose gradients are those of `backward`. */
function differentiable(y: Tensor, x: Tensor, { gamma, beta }: LearntParameters, pass: Pass): Tensor {
  const operation = customGrad((...inputs: (Tensor | GradSaveFunc)[]) => {
    const save = inputs[inputs.length - 1] as GradSaveFunc;
    save(gamma ? [x, gamma] : [x]);
    // The optimiser may have written gamma since: what counts is the value that forward saw, which is the saved one.
    const gradFunc = (dy: Tensor, [x, gamma]: Tensor[]) =>
      pass.timed(() => {
        const inputs = { dy, x, gamma: gamma ?? null };
        const [dx, dgamma, dbeta] = differentiableGradients(gradients(inputs, pass), inputs, pass);
        return [dx, ...(gamma ? [dgamma] : []), ...(beta ? [dbeta] : [])];
      });
    return { value: y, gradFunc };
  });
  return operation(...[x, gamma, beta].filter((input) => input !== null));
}

/** dx, dgamma, dbeta. */
function gradients({ dy, x, gamma }: GradientInputs, pass: Pass): Tensor[] {
  const { axis, epsilon, mean, variance, kind, positions, shared, summation } = pass;
  const channels = [mean.length];
  return computeTensors([x.shape, channels, channels], { dy, x, gamma }, (outputs, values) => {
    if (shared !== undefined) {
      const { ranks, count } = shared;
      ranks.differentiate(outputs, { ...values, axis, epsilon, mean, variance, positions, count, shape: x.shape });
      return;
    }
    const [out, outGamma, outBeta] = outputs;
    backward(values.dy, values.x, x.shape, {
      axis,
      epsilon,
      mean,
      variance,
      statistics: positions === null ? kind : 'given',
      summation,
      gamma: values.gamma,
      out,
      outGamma,
      outBeta,
    });
    if (positions === null) return;
    const given = { dx: out, dgamma: outGamma, dbeta: outBeta };
    addStatisticsGradient(given, values.x, positions, { mean, variance, epsilon, gamma: values.gamma });
  });
}
