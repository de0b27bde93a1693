/** The layer: everything of TensorFlow.js' own `BatchNormalization` except its arithmetic. */
import { cast, type Tensor, tensor1d, tidy } from '@tensorflow/tfjs-core';
import { type LayerVariable, layers } from '@tensorflow/tfjs-layers';
import { type LearntParameters, normalizeByBatch, normalizeByGiven, type Settings, type Timed } from './operations.js';

/**
 * The configuration of `tf.layers.batchNormalization`, names and defaults alike: `axis` (-1), `momentum` (0.99),
 * `epsilon` (1e-3), `center` (true), `scale` (true), `betaInitializer` ('zeros'), `gammaInitializer` ('ones'),
 * `movingMeanInitializer` ('zeros'), `movingVarianceInitializer` ('ones'), `betaConstraint`, `gammaConstraint`,
 * `betaRegularizer`, `gammaRegularizer`, and what every layer takes (`name`, `inputShape`, `trainable`, …).
 */
export type BatchNormalizationConfig = NonNullable<Parameters<typeof layers.batchNormalization>[0]>;

/** Milliseconds that a layer has spent since it was made, with reading and making tensors. Set to 0 what you restart. */
export interface Elapsed {
  /** Forward in training, with the update of the moving statistics. */
  forward: number;
  /** Gradients. */
  backward: number;
  /** Forward outside of training. */
  inference: number;
}

type Kwargs = Parameters<layers.Layer['call']>[1];

/** What TensorFlow.js' layer keeps under these names (declared private in its typings). */
interface Fields extends Settings {
  readonly momentum: number;
  readonly gamma?: LayerVariable;
  readonly beta?: LayerVariable;
  readonly movingMean: LayerVariable;
  readonly movingVariance: LayerVariable;
}

/**
 * TensorFlow.js does not export the class itself, so it is taken from an instance. The instance is named, since an
 * unnamed one would count and shift the names of all later layers.
 */
const Original = layers.batchNormalization({ name: 'batchnorm' }).constructor as unknown as OriginalClass;

interface OriginalClass {
  new (config?: BatchNormalizationConfig): layers.Layer;
  readonly fromConfig: (typeof layers.Layer)['fromConfig'];
}

/**
 * `tf.layers.batchNormalization`, computed by this library:
 *
 * - training: y = gamma·(x − mean)/√(variance + epsilon) + beta with the mean and population variance of the batch,
 *   and moving ← moving − (moving − batch)·(1 − momentum) for both statistics, in float32, as TensorFlow.js does it;
 * - otherwise: the same y with the moving statistics, which are constants for gradients.
 *
 * Configuration, weights (gamma, beta, moving_mean, moving_variance), their order and shapes, and the serialised form
 * (class name `BatchNormalization`) are those of TensorFlow.js, so that saved models go both ways: loading gives TensorFlow.js'
 * layer, or this one after `tf.serialization.registerClass(BatchNormalization)`. Beyond it, inputs may
 * have any rank and any channel axis, and `scale: false` or `center: false` also train. A batch without elements leaves
 * the moving statistics alone. Gradients are those of first order. Tensors are float32; others are cast to it.
 */
export class BatchNormalization extends Original {
  /** As in TensorFlow.js: what serialised models call this layer. */
  static readonly className = 'BatchNormalization';

  /** Time spent in this layer, in milliseconds. */
  readonly elapsed: Elapsed = { forward: 0, backward: 0, inference: 0 };

  override call(inputs: Tensor | Tensor[], kwargs: Kwargs): Tensor {
    const fields = this as unknown as Fields;
    const settings: Settings = { axis: fields.axis, epsilon: fields.epsilon };
    const parameters: LearntParameters = { gamma: fields.gamma?.read() ?? null, beta: fields.beta?.read() ?? null };
    const timeBackward = this.timed('backward');
    return tidy(() => {
      const x = toFloat(single(inputs, this.name));
      if (!kwargs.training) {
        return this.timed('inference')(() => {
          const mean = fields.movingMean.read().dataSync();
          const variance = fields.movingVariance.read().dataSync();
          return normalizeByGiven(x, parameters, { mean, variance }, settings, timeBackward);
        });
      }
      return this.timed('forward')(() => {
        const { y, mean, variance } = normalizeByBatch(x, parameters, settings, timeBackward);
        if (x.size > 0) {
          follow(fields.movingMean, mean, fields.momentum);
          follow(fields.movingVariance, variance, fields.momentum);
        }
        return y;
      });
    });
  }

  private timed(part: keyof Elapsed): Timed {
    return (run) => {
      const start = performance.now();
      const result = run();
      this.elapsed[part] += performance.now() - start;
      return result;
    };
  }
}

/**
 * A batch normalization layer for TensorFlow.js models, in the place of `tf.layers.batchNormalization(config)`.
 *
 * y = gamma·(x − mean)/√(variance + epsilon) + beta per channel: in training with the statistics of the batch, otherwise
 * with the moving ones. Note that `momentum` (default 0.99) is TensorFlow's: how much of the *old* moving value is kept.
 *
 * @example
 * import * as tf from '@tensorflow/tfjs-core';
 * import { layers, sequential } from '@tensorflow/tfjs-layers';
 * import '@tensorflow/tfjs-backend-wasm';
 * import { batchNormalization } from 'batchnorm/tfjs';
 *
 * await tf.setBackend('wasm');
 * const model = sequential({
 *   layers: [layers.dense({ units: 16, inputShape: [8], useBias: false }), batchNormalization(), layers.reLU()],
 * });
 * model.compile({ optimizer: 'sgd', loss: 'meanSquaredError' });
 * await model.fit(tf.ones([32, 8]), tf.ones([32, 16]), { epochs: 2 });
 *
 * @throws Error of TensorFlow.js, where the channel dimension of the input is not defined or the rank changes.
 */
export function batchNormalization(config?: BatchNormalizationConfig): BatchNormalization {
  return new BatchNormalization(config);
}

/** moving ← moving − (moving − batch)·(1 − momentum), each operation rounded to float32 as in TensorFlow.js. */
function follow(moving: LayerVariable, batch: Float64Array, momentum: number): void {
  const rate = Math.fround(1 - momentum);
  const next = Float32Array.from(moving.read().dataSync(), (value, channel) => {
    const difference = Math.fround(value - Math.fround(batch[channel]!));
    return value - Math.fround(difference * rate);
  });
  moving.write(tensor1d(next));
}

function single(inputs: Tensor | Tensor[], name: string): Tensor {
  if (!Array.isArray(inputs)) return inputs;
  if (inputs.length === 1) return inputs[0]!;
  throw new TypeError(`batchnorm: layer "${name}" expected one input tensor, got ${inputs.length}`);
}

function toFloat(x: Tensor): Tensor {
  return x.dtype === 'float32' ? x : cast(x, 'float32');
}
