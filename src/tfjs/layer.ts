/** The layer: everything of TensorFlow.js' own `BatchNormalization` except its arithmetic. */
import { cast, reshape, type serialization, type Tensor, tensor, tidy } from '@tensorflow/tfjs-core';
import { type LayerVariable, layers, type Shape } from '@tensorflow/tfjs-layers';
import { wrongKind } from '../arguments/messages.js';
import { NO_OPTIONS, readOwn } from '../arguments/options.js';
import { checkChoice } from '../arguments/validate.js';
import type { SampleMixture } from '../index.js';
import { normalizeWith } from '../layer/mixture.js';
import { checkSummation, type Summation } from '../passes/exact.js';
import { readSynchronization } from '../ranks/synchronize.js';
import type { BatchNormalizationConfig, CallOptions, Elapsed, OriginalConfig, SeveralAxesConfig } from './config.js';
import { type Positions, readPositions } from './mask.js';
import { normalizeMixed } from './mixture.js';
import { type Given, readNumbers } from './numbers-given.js';
import { type LearntParameters, normalizeByBatch, normalizeByGiven, normalizeTogether } from './operations.js';
import type { Statistics, Timed } from './pass.js';
import { type Buildable, buildSeveral, withOneAxis } from './several-axes.js';
import { ALONE, Ranks } from './synchronize.js';

/**
 * TensorFlow.js does not export the class itself, so it is taken from an instance. The instance is named, since an
 * unnamed one would count and shift the names of all later layers.
 */
const Original = layers.batchNormalization({ name: 'batchnorm' }).constructor as unknown as OriginalClass;

interface OriginalClass {
  new (config?: OriginalConfig): layers.Layer;
  readonly fromConfig: (typeof layers.Layer)['fromConfig'];
}

/**
 * `tf.layers.batchNormalization`, computed by this library:
 *
 * - training: y = gamma·(x − mean)/√(variance + epsilon) + beta with the mean and population variance of the batch,
 *   and moving ← moving − (moving − batch)·(1 − momentum) for both statistics, in float32, as TensorFlow.js does it;
 * - otherwise, and in training with `trainable: false` (as Keras has it): the same y with the moving statistics, which
 *   are constants for gradients and stay as they are.
 *
 * Configuration, weights (gamma, beta, moving_mean, moving_variance), their order and shapes, and the serialised form
 * (class name `BatchNormalization`) are those of TensorFlow.js, so that saved models go both ways: loading gives
 * TensorFlow.js' layer, or this one after {@link register}. Beyond it, inputs may have any rank and any channel axis,
 * and `scale: false` or `center: false` also train.
 *
 * A mask, given to a call or made by a layer before this one, chooses the positions (all axes but the last, which then
 * must be that of the channels) whose values make mean and variance in training. All positions are normalised, and
 * gradients are exact for that. A batch without elements, or without one that counts, leaves the moving statistics
 * alone; the latter is normalised by them.
 *
 * Gradients have gradients: of second order in training (not with a mask, nor with several ranks), of any order with
 * the moving statistics. Tensors are float32; others are cast to it.
 */
export class BatchNormalization extends Original {
  /** The name of this layer in serialised models: that of TensorFlow.js' own layer. */
  static readonly className = 'BatchNormalization';

  /** Time spent in this layer, in milliseconds. */
  readonly elapsed: Elapsed = { forward: 0, backward: 0, inference: 0 };

  // TensorFlow.js' layer keeps axis, epsilon and momentum as they were given; here they are numbers.
  declare protected readonly axis: number;
  declare protected readonly epsilon: number;
  declare protected readonly momentum: number;
  declare protected readonly gamma?: LayerVariable;
  declare protected readonly beta?: LayerVariable;
  declare protected readonly movingMean: LayerVariable;
  declare protected readonly movingVariance: LayerVariable;

  readonly #given: Given;
  /** Several channel axes, whose tensors are reshaped to one, 1; else null. */
  readonly #axes: readonly number[] | null;
  #normalizeWith: 'mode' | SampleMixture = 'mode';
  readonly #unbiased: boolean;
  readonly #summation: Summation;
  /** Those that share a batch. Exact sums always come from there: one process is a job of one rank. */
  readonly #ranks: Ranks | null;

  /**
   * @throws TypeError, RangeError where `axis` is no integer (nor a list of them, as tf.keras 2 writes it), `momentum`
   *   is outside 0..1, `epsilon` is negative or no finite number, `varianceEstimator`, `summation` or `gradients` is
   *   neither of the two, `synchronize` is no Reducer.
   */
  constructor(options?: BatchNormalizationConfig | SeveralAxesConfig | null) {
    const own: BatchNormalizationConfig | SeveralAxesConfig = readOwn('batchNormalization', 'config', options ?? {});
    const { synchronize, gradients, ...config } = own;
    super(config as OriginalConfig);
    this.#given = { axis: this.axis, momentum: this.momentum, epsilon: this.epsilon };
    const { axis, momentum, epsilon } = readNumbers(this.name, this.#given);
    this.#axes = typeof axis === 'number' ? null : axis;
    this.axis = typeof axis === 'number' ? axis : 1;
    this.momentum = momentum;
    this.epsilon = epsilon;
    this.#unbiased = isUnbiased(own.varianceEstimator);
    // Files write null for what is not set.
    const asked = { synchronize: synchronize ?? undefined, gradients: gradients ?? undefined };
    const given = readSynchronization('batchNormalization', asked);
    this.#summation = own.summation ?? 'ordered';
    checkSummation('batchNormalization', this.#summation);
    const alone = this.#summation === 'exact' ? ALONE : null;
    const { reducer, summed } = given ?? { reducer: alone, summed: false };
    this.#ranks = reducer && new Ranks(reducer, summed, this.#summation);
  }

  override build(inputShape: Shape | Shape[]): void {
    if (this.#axes === null) {
      super.build(inputShape);
      return;
    }
    const shape = (Array.isArray(inputShape[0]) ? inputShape[0] : inputShape) as Shape;
    buildSeveral(`layer "${this.name}"`, this as unknown as Buildable, this.#axes, shape);
  }

  override call(inputs: Tensor | Tensor[], options: CallOptions = NO_OPTIONS): Tensor {
    const { training = false, mask } = readOwn(`layer "${this.name}"`, 'options', options);
    return tidy(() => {
      const x = toFloat(single(inputs, this.name));
      const trains = training && !this.#isFrozen;
      const positions = trains && mask ? this.#positions(mask, x) : null;
      if (this.#axes === null) return this.#normalize(x, trains, positions);
      return reshape(this.#normalize(withOneAxis(`layer "${this.name}"`, this.#axes, x), trains, null), x.shape);
    });
  }

  /** x has one channel axis. */
  #normalize(x: Tensor, trains: boolean, positions: Positions | null): Tensor {
    if (!trains) return this.#infer(x);
    if (this.#ranks !== null) return this.#trainTogether(x, positions, this.#ranks);
    return positions?.total === 0 ? this.#infer(x) : this.#train(x, positions);
  }

  /**
   * The statistics of inference: 'mode' (default), the moving ones; or { sample: 0.1 }, those of each sample mixed with
   * them, see `SampleMixture` of `batchnorm`, for one channel axis that is not the first. No part of the serialised
   * form.
   *
   * @throws TypeError, RangeError when set to anything else
   */
  get normalizeWith(): 'mode' | SampleMixture {
    return this.#normalizeWith;
  }

  set normalizeWith(statistics: 'mode' | SampleMixture) {
    const call = `layer "${this.name}"`;
    if (typeof statistics !== 'object') checkChoice(call, 'normalizeWith', statistics, ['mode']);
    else if (this.#axes !== null) throw wrongKind(call, 'normalizeWith', "'mode' with several axes", statistics);
    this.#normalizeWith = normalizeWith.read(call, 'normalizeWith', statistics) as 'mode' | SampleMixture;
  }

  override getConfig(): serialization.ConfigDict {
    const estimator = this.#unbiased && { varianceEstimator: 'unbiased' };
    const summation = this.#summation === 'exact' && { summation: 'exact' };
    return { ...super.getConfig(), ...this.#given, ...estimator, ...summation };
  }

  /** `trainable: false` on this layer, or on its model, which in TensorFlow.js reaches the weights only. */
  get #isFrozen(): boolean {
    const weights = [this.gamma, this.beta].filter((weight) => weight !== undefined);
    return !this.trainable || (weights.length > 0 && weights.every((weight) => !weight.trainable));
  }

  #infer(x: Tensor): Tensor {
    return this.#timed('inference')(() => {
      const statistics = { mean: doubles(this.movingMean), variance: doubles(this.movingVariance) };
      const timed = this.#timed('backward');
      const sample = typeof this.#normalizeWith === 'object' ? this.#normalizeWith.sample : 0;
      const settings = { ...this.#settings, summation: this.#summation };
      if (sample > 0) return normalizeMixed(x, this.#parameters, statistics, settings, sample, timed);
      return normalizeByGiven(x, this.#parameters, statistics, settings, timed);
    });
  }

  #train(x: Tensor, positions: Positions | null): Tensor {
    return this.#timed('forward')(() => {
      const result = normalizeByBatch(x, this.#parameters, this.#settings, positions, this.#timed('backward'));
      const { y, mean, variance } = result;
      if (x.size > 0) this.#follow({ mean, variance }, positions?.total ?? x.size / mean.length);
      return y;
    });
  }

  #trainTogether(x: Tensor, positions: Positions | null, ranks: Ranks): Tensor {
    const result = this.#timed('forward')(() => {
      const timed = this.#timed('backward');
      const result = normalizeTogether(x, this.#parameters, this.#settings, positions, timed, ranks);
      if (result !== null) this.#follow(result, result.count);
      return result;
    });
    return result?.y ?? this.#infer(x);
  }

  /** Takes in the statistics of a batch of m values per channel. */
  #follow({ mean, variance }: Statistics, m: number): void {
    const correction = this.#unbiased && m > 1 ? m / (m - 1) : 1;
    follow(this.movingMean, mean, this.momentum);
    const estimate = correction === 1 ? variance : variance.map((value) => value * correction);
    follow(this.movingVariance, estimate, this.momentum);
  }

  get #settings() {
    return { axis: this.axis, epsilon: this.epsilon };
  }

  get #parameters(): LearntParameters {
    const [gamma, beta] = [this.gamma?.read() ?? null, this.beta?.read() ?? null];
    if (this.#axes === null) return { gamma, beta };
    return { gamma: gamma && reshape(gamma, [-1]), beta: beta && reshape(beta, [-1]) };
  }

  /** null where nothing is left out, and where the mask is not for this layer. */
  #positions(given: NonNullable<CallOptions['mask']>, x: Tensor): Positions | null {
    const mask = Array.isArray(given) ? given[0] : given;
    if (!mask) return null;
    const wanted = x.shape.slice(0, -1);
    if (`${mask.shape}` !== `${wanted}`) {
      // In a model, TensorFlow.js gives the last mask there was to every layer that comes after.
      if (this.inboundNodes.length > 0) return null;
      const rule = `a tensor of shape [${wanted}] (the input's without its last axis), got shape [${mask.shape}]`;
      throw new RangeError(`batchnorm: layer "${this.name}": "mask" expected ${rule}`);
    }
    if (this.#axes !== null || (this.axis !== -1 && this.axis !== x.rank - 1)) {
      const rule = `the channels on the last axis, got "axis" ${this.#axes ?? this.axis} (rank ${x.rank})`;
      throw new RangeError(`batchnorm: layer "${this.name}": "mask" expected ${rule}`);
    }
    const positions = readPositions(mask.dataSync());
    return positions.total === positions.counts.length ? null : positions;
  }

  #timed(part: keyof Elapsed): Timed {
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
 * y = gamma·(x − mean)/√(variance + epsilon) + beta per channel: in training with the statistics of the batch,
 * otherwise with the moving ones. Note that `momentum` (default 0.99) is TensorFlow's: how much of the *old* moving
 * value is kept.
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
 * await model.fit(tf.ones([32, 8]), tf.ones([32, 16]), { epochs: 2, verbose: 0 });
 * console.log(model.layers[1].getWeights().length); // → 4
 *
 * @param config all optional; see {@link BatchNormalizationConfig}
 * @throws Error of TensorFlow.js, where the channel dimension of the input is not defined or the rank changes.
 * @throws TypeError, RangeError with the name of the layer, where `axis`, `momentum` or `epsilon` is of no use, or
 *   `varianceEstimator` is neither 'biased' nor 'unbiased'.
 */
export function batchNormalization(config?: BatchNormalizationConfig | SeveralAxesConfig | null): BatchNormalization {
  return new BatchNormalization(config);
}

/** moving ← moving − (moving − batch)·(1 − momentum), each operation rounded to float32 as in TensorFlow.js. */
function follow(moving: LayerVariable, batch: Float64Array, momentum: number): void {
  const rate = Math.fround(1 - momentum);
  // A loop: Float32Array.from with a function took 5 µs for 100 channels, a fifth of the forward of (60, 100).
  const next = Float32Array.from(moving.read().dataSync());
  for (let channel = 0; channel < next.length; channel++) {
    const difference = Math.fround(next[channel] - Math.fround(batch[channel]));
    next[channel] -= Math.fround(difference * rate);
  }
  moving.write(tensor(next, moving.shape as number[]));
}

function isUnbiased(estimator: unknown): boolean {
  if (estimator === undefined || estimator === null || estimator === 'biased') return false;
  if (estimator === 'unbiased') return true;
  throw new RangeError(
    "batchnorm: batchNormalization: \"varianceEstimator\" expected 'biased' or 'unbiased', got " +
      `${JSON.stringify(estimator)}`,
  );
}

function doubles(variable: LayerVariable): Float64Array {
  return Float64Array.from(variable.read().dataSync());
}

function single(inputs: Tensor | Tensor[], name: string): Tensor {
  if (!Array.isArray(inputs)) return inputs;
  if (inputs.length === 1) return inputs[0];
  throw new TypeError(`batchnorm: layer "${name}" expected one input tensor, got ${inputs.length}`);
}

function toFloat(x: Tensor): Tensor {
  return x.dtype === 'float32' ? x : cast(x, 'float32');
}
