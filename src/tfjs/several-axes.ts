/**
 * Several channel axes, as tf.keras has them: parameters and statistics are of the shape of the input, with 1 for every
 * other axis. Tensors are reshaped, so that the operations see one axis.
 */
import { reshape, type Tensor } from '@tensorflow/tfjs-core';
import { InputSpec, type LayerVariable, type Shape } from '@tensorflow/tfjs-layers';
import { readAxes } from '../arguments/axis.js';
import { expected } from '../arguments/messages.js';

/** The layer of TensorFlow.js as its own `build` sees it. */
export type Buildable = Settings & {
  inputSpec: InputSpec[];
  built: boolean;
  readonly scale: boolean;
  readonly center: boolean;
  gamma: LayerVariable;
  beta: LayerVariable;
  movingMean: LayerVariable;
  movingVariance: LayerVariable;
  addWeight(name: string, shape: Shape, dtype: null, ...rest: readonly unknown[]): LayerVariable;
  readonly movingMeanInitializer: unknown;
  readonly movingVarianceInitializer: unknown;
};

type Settings = Readonly<Record<`${'gamma' | 'beta'}${'Initializer' | 'Regularizer' | 'Constraint'}`, unknown>>;

/**
 * Makes the weights, as `build` of TensorFlow.js does for one axis.
 *
 * @throws RangeError where these are no neighbouring axes of such an input, or the size of one is not defined
 */
export function buildSeveral(call: string, layer: Buildable, axes: readonly number[], input: Shape): void {
  const { first, count } = readAxes(call, axes, input.length);
  const isChannel = (place: number) => place >= first && place < first + count;
  const unknown = input.findIndex((size, place) => isChannel(place) && size === null);
  if (unknown >= 0) throw new RangeError(expected(call, `inputShape[${unknown}]`, 'a size, for the channels', 'null'));
  const sizes = Object.fromEntries(input.flatMap((size, place) => (isChannel(place) ? [[place, size!]] : [])));
  layer.inputSpec = [new InputSpec({ ndim: input.length, axes: sizes })];
  const shape = input.map((size, place) => (isChannel(place) ? size : 1));
  const learnt = (name: 'gamma' | 'beta') => {
    const [initializer, regularizer] = [layer[`${name}Initializer`], layer[`${name}Regularizer`]];
    return layer.addWeight(name, shape, null, initializer, regularizer, true, layer[`${name}Constraint`]);
  };
  if (layer.scale) layer.gamma = learnt('gamma');
  if (layer.center) layer.beta = learnt('beta');
  layer.movingMean = layer.addWeight('moving_mean', shape, null, layer.movingMeanInitializer, null, false);
  layer.movingVariance = layer.addWeight('moving_variance', shape, null, layer.movingVarianceInitializer, null, false);
  layer.built = true;
}

/** x as [n, c, s]. */
export function withOneAxis(call: string, axes: readonly number[], x: Tensor): Tensor {
  const { first, count } = readAxes(call, axes, x.rank);
  const size = (from: number, to: number) => x.shape.slice(from, to).reduce((a, b) => a * b, 1);
  return reshape(x, [size(0, first), size(first, first + count), size(first + count, x.rank)]);
}
