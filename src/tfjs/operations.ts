/** Batch normalization as differentiable TensorFlow.js operations: tensors in and out, the library's functions between. */
import { customGrad, type GradSaveFunc, type Tensor, tensor } from '@tensorflow/tfjs-core';
import { backward, forwardInference, forwardTraining } from '../index.js';

/** What is fixed in a layer. */
export interface Settings {
  /** The channel axis; negative counts from the end. */
  readonly axis: number;
  readonly epsilon: number;
}

/** The learnt parameters, [c] each; null where the layer has none. */
export interface LearntParameters {
  readonly gamma: Tensor | null;
  readonly beta: Tensor | null;
}

/** Mean and population variance per channel. */
export interface Statistics {
  readonly mean: ArrayLike<number>;
  readonly variance: ArrayLike<number>;
}

/** Runs a function on someone's clock. */
export type Timed = <R>(run: () => R) => R;

/** y with the statistics of this batch, and these statistics. Differentiable in x, gamma and beta. */
export function normalizeByBatch(
  x: Tensor,
  { gamma, beta }: LearntParameters,
  settings: Settings,
  timeBackward: Timed,
) {
  // TensorFlow.js normalises a single value per channel too (variance 0, y = beta).
  const { y, mean, variance } = forwardTraining(read(x), x.shape, {
    ...settings,
    gamma: gamma ? read(gamma) : undefined,
    beta: beta ? read(beta) : undefined,
    singleValue: 'allow',
  });
  const statistics = { mean, variance };
  return { y: differentiable(y, 'batch', x, { gamma, beta }, statistics, settings, timeBackward), ...statistics };
}

/** y with given statistics, which count as constants. Differentiable in x, gamma and beta. */
export function normalizeByGiven(
  x: Tensor,
  { gamma, beta }: LearntParameters,
  statistics: Statistics,
  settings: Settings,
  timeBackward: Timed,
): Tensor {
  const y = forwardInference(read(x), x.shape, {
    ...settings,
    ...statistics,
    gamma: gamma ? read(gamma) : undefined,
    beta: beta ? read(beta) : undefined,
  });
  return differentiable(y, 'given', x, { gamma, beta }, statistics, settings, timeBackward);
}

/** The values y as a tensor whose gradients are those of `backward`. */
function differentiable(
  y: Float32Array,
  kind: 'batch' | 'given',
  x: Tensor,
  { gamma, beta }: LearntParameters,
  statistics: Statistics,
  settings: Settings,
  timeBackward: Timed,
): Tensor {
  const gradients = (dy: Tensor, saved: Tensor[]) =>
    timeBackward(() => {
      // The optimiser may have written gamma since: what counts is the value that forward saw, which is the saved one.
      const [x, savedGamma] = saved as [Tensor, Tensor | undefined];
      const { dx, dgamma, dbeta } = backward(read(dy), read(x), x.shape, {
        ...settings,
        ...statistics,
        statistics: kind,
        gamma: savedGamma ? read(savedGamma) : undefined,
      });
      const results = [tensor(dx, x.shape)];
      if (gamma) results.push(tensor(dgamma, gamma.shape));
      if (beta) results.push(tensor(dbeta, beta.shape));
      return results;
    });
  const operation = customGrad((...inputs: (Tensor | GradSaveFunc)[]) => {
    const save = inputs[inputs.length - 1] as GradSaveFunc;
    save(gamma ? [x, gamma] : [x]);
    return { value: tensor(y, x.shape), gradFunc: gradients };
  });
  return operation(...[x, gamma, beta].filter((input) => input !== null));
}

/**
 * The values of a tensor; on the cpu backend its own memory, which nobody may write. A float32 tensor cast from int32
 * there still holds its integers.
 */
function read(values: Tensor): Float32Array {
  const data: ArrayLike<number> = values.dataSync();
  return data instanceof Float32Array ? data : Float32Array.from(data);
}
