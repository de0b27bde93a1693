/**
 * TensorFlow.js' kernel `FusedBatchNorm`, of which its operation `tf.batchNorm` is made: normalising by given
 * statistics.
 */
import type { KernelFunc, TensorInfo } from '@tensorflow/tfjs-core';
import { forwardInference } from '../index.js';
import { computeTensors } from './heap.js';

/** TensorFlow.js' own, where nothing is said. */
const DEFAULT_EPSILON = 1e-3;

/**
 * The kernel, by this library where statistics and parameters are per channel. Else (a value of their own for each
 * element, or one for all) by the original.
 */
export function inferenceKernel(original: KernelFunc): KernelFunc {
  return (call) => {
    const { x, mean, variance, offset, scale } = call.inputs as unknown as KernelInputs;
    const perChannel = [mean, variance, offset, scale].filter((parameter) => parameter != null);
    const axis = channelAxis(x, perChannel);
    if (axis < 0 || [x, ...perChannel].some(({ dtype }) => dtype !== 'float32')) return original(call);
    const inputs = { x, mean, variance, gamma: scale ?? null, beta: offset ?? null };
    const epsilon = (call.attrs?.['varianceEpsilon'] as number | undefined) ?? DEFAULT_EPSILON;
    const [y] = computeTensors([x.shape], inputs, ([out], { x: values, ...parameters }) => {
      forwardInference(values, x.shape, { axis, epsilon, ...parameters, out });
    });
    return y;
  };
}

interface KernelInputs {
  readonly x: TensorInfo;
  readonly mean: TensorInfo;
  readonly variance: TensorInfo;
  readonly offset?: TensorInfo | null;
  readonly scale?: TensorInfo | null;
}

/**
 * The axis of x on which the parameters lie: [c] on the last, [1, c, 1, 1] on the second. All have the same shape,
 * whose axes are the last ones of x. −1 where there is no such axis.
 */
function channelAxis(x: TensorInfo, parameters: readonly TensorInfo[]): number {
  const [{ shape }] = parameters;
  if (parameters.some((parameter) => `${parameter.shape}` !== `${shape}`)) return -1;
  const size = shape.reduce((product, extent) => product * extent, 1);
  const missing = x.shape.length - shape.length;
  return x.shape.findIndex((extent, axis) => extent === size && shape[axis - missing] === size);
}
