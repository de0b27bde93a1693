/** Inference by the statistics of each sample, mixed with the moving ones, as a differentiable operation. */
import { customGrad, type GradSaveFunc, type Tensor } from '@tensorflow/tfjs-core';
import { BatchNorm } from '../index.js';
import { computeTensors } from './heap.js';
import type { LearntParameters } from './operations.js';
import type { Settings, Statistics, Timed } from './pass.js';

interface Values {
  readonly gamma: Float32Array | undefined;
  readonly beta: Float32Array | undefined;
}

/** y with the samples on the first axis, each of the weight `sample`. Differentiable in x, gamma and beta. */
export function normalizeMixed(
  x: Tensor,
  { gamma, beta }: LearntParameters,
  statistics: Statistics,
  settings: Settings,
  sample: number,
  timeBackward: Timed,
): Tensor {
  const layerOf = (values: Values) => evaluating(values, statistics, settings, sample);
  const [y] = computeTensors([x.shape], { x, gamma, beta }, ([out], { x: values, ...parameters }) => {
    layerOf(parameters).forward(values, x.shape, { out });
  });
  const given = [x, gamma, beta].filter((input) => input !== null);
  const operation = customGrad((...inputs: (Tensor | GradSaveFunc)[]) => {
    (inputs[inputs.length - 1] as GradSaveFunc)(given);
    const gradFunc = (dy: Tensor, [x, ...rest]: Tensor[]) =>
      timeBackward(() => {
        const learnt = { gamma: gamma && rest[0], beta: beta && rest[rest.length - 1] };
        const [dx, dgamma, dbeta] = gradients(dy, x, learnt, statistics.mean.length, layerOf);
        return [dx, ...(gamma ? [dgamma] : []), ...(beta ? [dbeta] : [])];
      });
    return { value: y, gradFunc };
  });
  return operation(...given);
}

/** The forward is computed again: what it kept would hold on to memory that TensorFlow.js has given to others. */
function gradients(
  dy: Tensor,
  x: Tensor,
  { gamma, beta }: LearntParameters,
  channels: number,
  layerOf: (values: Values) => BatchNorm,
): Tensor[] {
  const shapes = [x.shape, [channels], [channels]];
  return computeTensors(shapes, { dy, x, gamma, beta }, ([dx, dgamma, dbeta], { dy: by, x: values, ...parameters }) => {
    const layer = layerOf(parameters);
    layer.forward(values, x.shape);
    layer.backward(by, { out: dx });
    if (layer.dgamma !== null) dgamma.set(layer.dgamma);
    if (layer.dbeta !== null) dbeta.set(layer.dbeta);
  });
}

function evaluating({ gamma, beta }: Values, { mean, variance }: Statistics, settings: Settings, sample: number) {
  const layer = new BatchNorm(mean.length, { ...settings, scale: gamma !== undefined, center: beta !== undefined });
  if (gamma) layer.gamma?.set(gamma);
  if (beta) layer.beta?.set(beta);
  layer.runningMean.set(mean);
  layer.runningVariance.set(variance);
  layer.normalizeWith = { sample };
  return layer.eval();
}
