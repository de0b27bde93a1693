import { kernels } from './backends/select.js';
import { computeGradients } from './gradients.js';
import { type KeptInput, keepInput, requireInput } from './kept-input.js';
import { ACTIVATION_CODES, type Affine, type View } from './kernels.js';
import { LayerArrays } from './layer-arrays.js';
import { type BatchNormOptions, readSettings, type Settings } from './layer-settings.js';
import { type BatchNormState, readState, writeState } from './layer-state.js';
import { wrongKind, wrongValue } from './messages.js';
import { Moments } from './moments.js';
import { setRunning, updateRunning } from './running-statistics.js';
import { newTensor } from './typed-arrays.js';
import type { Tensor } from './types.js';
import {
  checkArray,
  checkChannels,
  checkOptions,
  checkOverlap,
  checkSize,
  checkVariance,
  NO_OPTIONS,
  nameSet,
  readView,
  refuseOrphan,
  refuseSingleValue,
} from './validate.js';

export interface BatchNormForwardOptions<T extends Tensor> {
  /** Where y goes. May be x (then there is no backward) or the residual; no other overlap. Default a new array. */
  out?: T | undefined;
  /** Added before the activation, of the shape of x: y = activation(bn(x) + residual). */
  residual?: T | undefined;
}

export interface BatchNormBackwardOptions<T extends Tensor> {
  /** Where dx goes. May be dy itself; no other overlap. Default a new array. */
  out?: T | undefined;
  /** Where dresidual goes, if the forward had a residual. May be dy itself when `out` is not. */
  outResidual?: T | undefined;
}

const OPTIONS = /* @__PURE__ */ nameSet(
  'axis epsilon updateRate decay varianceEstimator scale center activation singleValue dtype',
);
const FORWARD = 'BatchNorm.forward';
const FORWARD_OPTIONS = /* @__PURE__ */ nameSet('out residual');
const FORWARD_IN_PLACE = { out: ['x', 'residual'] };
const BACKWARD = 'BatchNorm.backward';
const BACKWARD_OPTIONS = /* @__PURE__ */ nameSet('out outResidual');
const BACKWARD_IN_PLACE = { out: ['dy'], outResidual: ['dy'] };

/**
 * A batch normalization layer: parameters, running statistics, forward and backward (arXiv 1502.03167).
 *
 *     in training    y = activation(gamma·(x − batch mean)/√(batch variance + epsilon) + beta + residual)
 *     in evaluation  the same with runningMean and runningVariance
 *
 * It starts in training mode with gamma = 1, beta = 0, runningMean = 0 and runningVariance = 1. Parameters and running
 * statistics are yours to write in place between calls: nothing is cached that could go stale.
 *
 * `momentum` is refused: the word means `updateRate` in PyTorch and `decay` (= 1 − updateRate) in Keras, TensorFlow, flax
 * and ONNX. PyTorch's defaults are the defaults here; those of Keras are `{ axis: -1, epsilon: 1e-3, decay: 0.99,
 * varianceEstimator: 'biased', singleValue: 'allow' }`.
 *
 * @example
 * import { BatchNorm } from 'batchnorm';
 * const bn = new BatchNorm(2, { epsilon: 0 });
 * const x = Float32Array.of(1, 10, 3, 30); // two samples, two channels
 * const y = bn.forward(x, [2, 2]);
 * console.log([...y]); // → [ -1, -1, 1, 1 ]
 * const dx = bn.backward(Float32Array.of(1, 0, 0, 0));
 * console.log([...bn.dgamma], [...bn.dbeta], dx.length); // → [ -1, 0 ] [ 1, 0 ] 4
 * for (let i = 0; i < 2; i++) bn.gamma[i] -= 0.01 * bn.dgamma[i]; // one step of gradient descent
 * console.log([...bn.runningMean]); // → [ 0.2, 2 ]
 * bn.eval().forward(x, [2, 2]);
 */
export class BatchNorm<T extends Tensor = Float32Array> {
  /** true: forward normalises by the batch and updates the running statistics. false: by the running statistics. */
  training = true;
  readonly #settings: Settings;
  readonly #own: LayerArrays<T>;
  /** Statistics and parameters of the last forward. */
  readonly #affine: Affine<T>;
  #batchesTracked = 0;
  #input: KeptInput<T> | null = null;
  #dresidual: T | null = null;

  /**
   * @param channels c, an integer ≥ 0
   * @param options all optional; see {@link BatchNormOptions}
   * @throws TypeError for the wrong kind of a value, an unknown option, `momentum`, and both of updateRate and decay
   * @throws RangeError for a value out of range
   */
  constructor(channels: number, options: BatchNormOptions = NO_OPTIONS) {
    checkSize('BatchNorm', 'channels', channels);
    checkOptions('BatchNorm', options, OPTIONS);
    const settings = readSettings('BatchNorm', options);
    const kind = settings.dtype === 'float32' ? 'Float32Array' : 'Float64Array';
    this.#settings = settings;
    this.#own = new LayerArrays<T>(kind, channels, settings.scale, settings.center);
    this.#affine = {
      mean: new Float64Array(channels),
      variance: new Float64Array(channels),
      gamma: settings.scale ? newTensor<T>(kind, channels) : null,
      beta: settings.center ? newTensor<T>(kind, channels) : null,
      epsilon: settings.epsilon,
    };
  }

  /** Number of channels, c. */
  get channels(): number {
    return this.#own.channels;
  }

  /** Learnt scale, [c], starting at 1; written in place by the optimiser. null without `scale`. */
  get gamma(): T | null {
    return this.#own.gamma;
  }

  /** Learnt shift, [c], starting at 0; written in place by the optimiser. null without `center`. */
  get beta(): T | null {
    return this.#own.beta;
  }

  /** Mean that evaluation normalises by, [c], starting at 0. */
  get runningMean(): Float64Array {
    return this.#own.runningMean;
  }

  /** Variance that evaluation normalises by, [c], starting at 1; divided as `varianceEstimator` says. */
  get runningVariance(): Float64Array {
    return this.#own.runningVariance;
  }

  /** Number of batches that the running statistics have taken in; empty ones do not count. */
  get batchesTracked(): number {
    return this.#batchesTracked;
  }

  /** Gradient of the last backward with respect to gamma, [c], always the same array. null before, and without `scale`. */
  get dgamma(): T | null {
    return this.#own.gamma && this.#own.dgamma;
  }

  /** Gradient of the last backward with respect to beta, [c], always the same array. null before, and without `center`. */
  get dbeta(): T | null {
    return this.#own.beta && this.#own.dbeta;
  }

  /**
   * Gradient of the last backward with respect to the residual; null before, and where the forward had none. Without an
   * activation it is dy itself, unless outResidual was given or out was dy.
   */
  get dresidual(): T | null {
    return this.#dresidual;
  }

  /** Training mode. */
  train(): this {
    this.training = true;
    return this;
  }

  /** Evaluation mode. */
  eval(): this {
    this.training = false;
    return this;
  }

  /**
   * Normalises x: in training by its own statistics, which then go into the running ones, in evaluation by the running ones.
   *
   * For the backward it keeps references to x and the residual (leave them unchanged until then) and copies of the
   * statistics, parameters and mode that it used. An empty batch updates nothing.
   *
   * @param x of the layer's dtype
   * @param shape its dimensions, of any rank that has the channel axis; their product is `x.length`
   * @param options `out` and `residual`; see {@link BatchNormForwardOptions}
   * @returns y: `out`, where given
   * @throws TypeError, RangeError as {@link forwardTraining}; out, running statistics and what an earlier forward kept are
   *   untouched
   */
  forward(x: T, shape: readonly number[], options: BatchNormForwardOptions<T> = NO_OPTIONS): T {
    checkOptions(FORWARD, options, FORWARD_OPTIONS);
    const { out, residual } = options;
    const { training } = this;
    const view = this.#checkForward(x, shape, out, residual, training);
    const y = out ?? newTensor<T>(this.#own.kind, x.length);
    const backend = x.length > 0 ? kernels() : null;

    // From here on nothing throws. What an earlier forward kept is gone with its copies.
    this.#input = null;
    const affine = this.#affine;
    const { gamma, beta, runningMean, runningVariance } = this.#own;
    if (gamma !== null) affine.gamma!.set(gamma);
    if (beta !== null) affine.beta!.set(beta);
    if (!training) {
      affine.mean.set(runningMean);
      affine.variance.set(runningVariance);
    }
    const code = ACTIVATION_CODES[this.#settings.activation];
    if (backend !== null && training) {
      backend.forward(y, x, residual ?? null, affine, code, view);
      this.#batchesTracked++;
      updateRunning(this, affine, this.#settings, view.n * view.s);
    } else if (backend !== null) {
      backend.normalize(y, x, residual ?? null, affine, code, view);
    }
    this.#input = keepInput(x, residual, view, out, training, this.#settings.activation);
    return y;
  }

  #checkForward(x: T, shape: readonly number[], out: T | undefined, residual: T | undefined, training: boolean): View {
    const { axis, singleValue } = this.#settings;
    const own = this.#own;
    const view = readView(FORWARD, shape, axis);
    const { c } = view;
    checkChannels(FORWARD, own.channels, shape, view);
    checkArray(FORWARD, 'x', x, own.kind, view.n * c * view.s, shape);
    if (residual !== undefined) checkArray(FORWARD, 'residual', residual, own.kind, x.length, shape);
    own.check(FORWARD);
    if (!training) checkVariance(FORWARD, 'runningVariance', own.runningVariance);
    if (out !== undefined) {
      checkArray(FORWARD, 'out', out, own.kind, x.length, shape);
      checkOverlap(FORWARD, { out }, { x, residual }, FORWARD_IN_PLACE);
      own.checkOutput(FORWARD, 'out', out);
    }
    if (training && x.length === c && c > 0 && singleValue === 'throw') {
      refuseSingleValue(FORWARD, shape, 'normalise by the running statistics with eval()');
    }
    return view;
  }

  /**
   * Gradient of the last forward with respect to its x; sets dgamma, dbeta and dresidual. It differentiates what the
   * forward did: with the parameters, statistics and mode of that moment, whatever has been changed since.
   *
   * @param dy gradient of the loss with respect to y
   * @param options `out` and `outResidual`; see {@link BatchNormBackwardOptions}
   * @returns dx: `out`, where given
   * @throws Error with code ERR_BATCHNORM_NO_INPUT before any forward, after {@link BatchNorm.forget}, and where x (or the
   *   residual, with an activation) has been overwritten by its `out`, detached or released
   * @throws TypeError, RangeError as the function {@link backward}; gradients and outputs are untouched
   */
  backward(dy: T, options: BatchNormBackwardOptions<T> = NO_OPTIONS): T {
    checkOptions(BACKWARD, options, BACKWARD_OPTIONS);
    const { out, outResidual } = options;
    const input = requireInput(BACKWARD, this.#input);
    this.#checkBackward(dy, input, out, outResidual);
    const { x, view, hasResidual, residual, batchStatistics } = input;
    const { dgamma, dbeta } = this.#own.gradients();
    const { dx, dresidual } = computeGradients<T>({
      kind: this.#own.kind,
      view,
      dy,
      x,
      hasResidual,
      residual,
      affine: this.#affine,
      activation: this.#settings.activation,
      batchStatistics,
      dgamma,
      dbeta,
      out,
      outResidual,
    });
    this.#dresidual = dresidual;
    return dx;
  }

  #checkBackward(dy: T, input: KeptInput<T>, out: T | undefined, outResidual: T | undefined): void {
    const { x, residual, hasResidual } = input;
    const own = this.#own;
    checkArray(BACKWARD, 'dy', dy, own.kind, x.length, 'as x');
    if (out !== undefined) checkArray(BACKWARD, 'out', out, own.kind, x.length, 'as x');
    if (outResidual !== undefined) {
      if (!hasResidual) refuseOrphan(BACKWARD, 'a residual in the forward', outResidual);
      checkArray(BACKWARD, 'outResidual', outResidual, own.kind, x.length, 'as x');
    }
    checkOverlap(BACKWARD, { out, outResidual }, { dy, x, residual }, BACKWARD_IN_PLACE);
    if (out !== undefined) own.checkOutput(BACKWARD, 'out', out);
    if (outResidual !== undefined) own.checkOutput(BACKWARD, 'outResidual', outResidual);
    own.checkInput(BACKWARD, 'dy', dy);
    own.checkInput(BACKWARD, 'x', x);
    if (residual !== null) own.checkInput(BACKWARD, 'residual', residual);
  }

  /** Drops what forward and backward keep of the size of x: the references to x and the residual, and dresidual. */
  forget(): void {
    this.#input = null;
    this.#dresidual = null;
  }

  /**
   * Replaces the running statistics by exact ones, such as {@link Moments} over the whole training set (Algorithm 2 of the
   * paper): the mean, and the variance as `varianceEstimator` says (the population's where count is 1). batchesTracked
   * stays.
   *
   * @throws TypeError where it is no `Moments`; RangeError where its channels differ, or one of them has seen no value
   * @example
   * import { BatchNorm, Moments } from 'batchnorm';
   * const bn = new BatchNorm(1, { varianceEstimator: 'biased' });
   * bn.setStatistics(new Moments(1).add(Float32Array.of(1, 3), [2, 1]));
   * console.log(bn.runningMean[0], bn.runningVariance[0]); // → 2 1
   */
  setStatistics(moments: Moments): void {
    const call = 'BatchNorm.setStatistics';
    if (!(moments instanceof Moments)) throw wrongKind(call, 'moments', 'Moments', moments);
    if (moments.channels !== this.channels) {
      throw wrongValue(call, 'moments.channels', `${this.channels}`, moments.channels);
    }
    this.#own.check(call);
    setRunning(call, this, moments, this.#settings.varianceEstimator);
  }

  /**
   * Everything that makes the layer what it is, as plain data that JSON keeps without loss; gradients and what forward
   * keeps are not part of it.
   *
   * @example
   * import { BatchNorm } from 'batchnorm';
   * const bn = new BatchNorm(2, { decay: 0.99 });
   * bn.forward(Float32Array.of(0.1, 0.2, 0.3, 0.4), [2, 2]);
   * const copy = BatchNorm.fromState(JSON.parse(JSON.stringify(bn.state())));
   * console.log(copy.runningVariance[1] === bn.runningVariance[1]); // → true
   */
  state(): BatchNormState {
    return writeState(this, this.#settings);
  }

  /**
   * A layer as {@link BatchNorm.state} described it, bit for bit.
   *
   * @throws TypeError, RangeError naming the field that is missing, unknown or wrong
   */
  static fromState<T extends Tensor = Float32Array>(state: BatchNormState): BatchNorm<T> {
    const saved = readState('BatchNorm.fromState', state);
    const layer = new BatchNorm<T>(saved.channels, saved.settings);
    layer.training = saved.training;
    layer.#batchesTracked = saved.batchesTracked;
    layer.runningMean.set(saved.runningMean);
    layer.runningVariance.set(saved.runningVariance);
    if (saved.gamma !== null) layer.gamma?.set(saved.gamma);
    if (saved.beta !== null) layer.beta?.set(saved.beta);
    return layer;
  }
}
