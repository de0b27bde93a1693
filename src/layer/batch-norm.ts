import type { Activation } from '../arguments/activation.js';
import type { ChannelAxis } from '../arguments/axis.js';
import { refuseProxies, showAs } from '../arguments/messages.js';
import { NO_OPTIONS, namesOf, readOptions } from '../arguments/options.js';
import { newTensor } from '../arguments/typed-arrays.js';
import { checkBoolean, checkChannelCount } from '../arguments/validate.js';
import { nonFiniteChannels } from '../channels/non-finite.js';
import type { Places } from '../passes/differentiate.js';
import type { Summation } from '../passes/exact.js';
import type { Pass } from '../passes/pass.js';
import { passOf } from '../passes/pass-of.js';
import { requireInput, type Saved } from '../passes/saved.js';
import type { Variant } from '../passes/variant.js';
import { readSynchronization, Synchronization, type SynchronizeOptions } from '../ranks/synchronize.js';
import { type Moments, momentsOf } from '../statistics/moments.js';
import type { AnyDtype, AnyTensor, DtypeOf, ParameterOf, Tensor } from '../types.js';
import { LayerArrays, type Parameter, type ParameterGradients } from './arrays.js';
import {
  type BatchNormBackwardOptions,
  type BatchNormForwardOptions,
  checkBackward,
  checkForward,
  checkLimits,
  neededStatistics,
  readBackwardOptions,
  readForwardOptions,
} from './calls.js';
import { LastForward } from './last-forward.js';
import { Mixture, type NormalizeWith } from './mixture.js';
import { makeReadOnly } from './read-only.js';
import { RecordedForward } from './recorded.js';
import type { RenormSettings } from './renorm.js';
import { RunningStatistics } from './running-statistics.js';
import { type BatchNormOptions, checkDivides, groupsOf, OPTIONS, readSettings, type Settings } from './settings.js';
import { type BatchNormState, checkSame, readState, type SavedLayer, writeState } from './state.js';
import { StatisticsTransaction } from './statistics-transaction.js';
import { SWITCHES, type Switches } from './switches.js';
import type { UpdateRate } from './update-rate.js';
import { variantsOf } from './variants.js';

const FORWARD = 'BatchNorm.forward';
const BACKWARD = 'BatchNorm.backward';
const CLONE_OPTIONS = /* @__PURE__ */ namesOf<SynchronizeOptions>({ synchronize: 1, gradients: 1 });

/**
 * A batch normalization layer: its parameters, running statistics, switches and calls. It is made by the class of the
 * same name that `constructor.ts` has for users.
 */
export class BatchNorm<T extends AnyTensor = Float32Array> {
  static {
    makeReadOnly(BatchNorm.prototype, (layer) => (layer as BatchNorm<Tensor>).#settings);
    refuseProxies('BatchNorm', BatchNorm.prototype, (value) => #own in value);
    showAs('BatchNorm', BatchNorm.prototype, (layer: BatchNorm<Tensor>) => {
      const { channels, training, updateRate, batchesTracked, gamma, beta, runningMean, runningVariance } = layer;
      const settings = { ...layer.#settings, updateRate };
      return { channels, training, ...settings, batchesTracked, gamma, beta, runningMean, runningVariance };
    });
  }

  readonly #settings: Settings;
  readonly #own: LayerArrays<T>;
  readonly #running: RunningStatistics;
  readonly #transaction: StatisticsTransaction;
  readonly #pass: Pass<T>;
  readonly #variants: readonly Variant[];
  readonly #synchronized: boolean;
  #switches: Switches = { training: true, normalizeWith: 'mode', updateStatistics: true, learn: true };
  readonly #last = new LastForward<T>();
  /** Whether the last backward was to compute dgamma and dbeta. */
  #learnt = true;
  #dresidual: T | null = null;

  /** As {@link BatchNormConstructor} says. */
  constructor(channels: number, options: BatchNormOptions<AnyDtype> = NO_OPTIONS) {
    checkChannelCount('BatchNorm', channels);
    const chosen = readOptions('BatchNorm', options, OPTIONS);
    const settings = readSettings('BatchNorm', chosen);
    checkDivides('BatchNorm', channels, settings);
    const given = readSynchronization('BatchNorm', chosen);
    const { dtype } = settings;
    const own = new LayerArrays<T>(dtype === 'float64' ? 'Float64Array' : 'Float32Array', channels, settings);
    const running = new RunningStatistics(own, settings);
    const ranks = given && new Synchronization(given.reducer, given.summed);
    this.#settings = settings;
    this.#own = own;
    this.#running = running;
    this.#transaction = new StatisticsTransaction(own, running, settings);
    this.#pass = passOf<T>(dtype, own, { ...settings, groups: groupsOf(settings, channels) });
    this.#variants = variantsOf(channels, own.renorm, settings, ranks);
    this.#synchronized = ranks !== null;
  }

  // The settings, as the options have them; `makeReadOnly` puts them on the prototype.
  /** The channel axis of every shape, or several; negative counts from the end. */
  declare readonly axis: ChannelAxis;
  /** epsilon, which is added to the variance. */
  declare readonly epsilon: number;
  /** Whether the start values 0 and 1 are taken out of the running statistics, as Adam does. */
  declare readonly debias: boolean;
  /**
   * Which variance of a batch of m values the running variance averages: that divided by m − 1 ('unbiased'), or by m
   * ('biased').
   */
  declare readonly varianceEstimator: 'unbiased' | 'biased';
  /** Whether the layer has a learnt scale, gamma. */
  declare readonly scale: boolean;
  /** Whether the layer has a learnt shift, beta. */
  declare readonly center: boolean;
  /** The activation, which is applied last; see {@link Activation}. */
  declare readonly activation: Activation;
  /** Whether training refuses one value per channel, which has no variance: 'throw' or 'allow'. */
  declare readonly singleValue: 'throw' | 'allow';
  /** Element type of x: 'float32' or 'float64', which gamma and beta have too, or 'float16' or 'bfloat16'. */
  declare readonly dtype: DtypeOf<T>;
  /** How batch statistics and gradient sums are summed. */
  declare readonly summation: Summation;
  /** Number of samples in a ghost batch; null if the whole batch is normalised together. */
  declare readonly ghostBatchSize: number | null;
  /**
   * Which samples make a ghost batch: neighbours ('consecutive'), or sample i in ghost batch i mod their number
   * ('interleaved').
   */
  declare readonly grouping: 'consecutive' | 'interleaved';
  /** Number of groups of channels that share statistics; null if each channel has its own. */
  declare readonly groups: number | null;
  /** Limits and rate of batch renormalization; null if the layer does not use it. */
  declare readonly renorm: RenormSettings | null;
  /**
   * What becomes of a batch with NaN or Infinity among its statistics: it is treated like any other ('propagate'), kept
   * out of the running statistics ('skip'), or refused ('throw').
   */
  declare readonly onNonFinite: 'propagate' | 'skip' | 'throw';

  /** Number of channels, c. */
  get channels(): number {
    return this.#own.channels;
  }

  /**
   * The learnt scale, [c], which starts at 1 and which the optimiser writes in place. null if the layer has no `scale`.
   */
  get gamma(): ParameterOf<T> | null {
    return this.#own.gamma;
  }

  /**
   * The learnt shift, [c], which starts at 0 and which the optimiser writes in place. null if the layer has no
   * `center`.
   */
  get beta(): ParameterOf<T> | null {
    return this.#own.beta;
  }

  /** The mean that evaluation normalises by, [c]. It starts at 0. */
  get runningMean(): Float64Array {
    return this.#own.runningMean;
  }

  /**
   * The variance that evaluation normalises by, [c], unbiased or biased as `varianceEstimator` says. It starts at 1.
   */
  get runningVariance(): Float64Array {
    return this.#own.runningVariance;
  }

  /** Number of batches that the running statistics have taken in; empty ones do not count. */
  get batchesTracked(): number {
    return this.#running.batchesTracked;
  }

  /**
   * Number of values per channel in the batches that the running statistics have taken in. With updateRate 'pooled' it
   * decides the weight of the next batch.
   */
  get valuesTracked(): number {
    return this.#running.valuesTracked;
  }

  /**
   * Average of batch means that batch renormalization measures r and d against, [c]. It starts at 0. null without
   * `renorm`.
   */
  get renormMean(): Float64Array | null {
    return this.#own.renorm?.renormMean ?? null;
  }

  /**
   * Average of √(variance + epsilon) of batches that batch renormalization measures r and d against, [c]. It starts at
   * 1. null without `renorm`.
   */
  get renormDeviation(): Float64Array | null {
    return this.#own.renorm?.renormDeviation ?? null;
  }

  /**
   * How much of each batch goes into the running statistics; see {@link BatchNormOptions}. May be set between calls,
   * for a schedule. (The other convention is decay = 1 − updateRate.)
   *
   * @throws TypeError, RangeError when set to what is no such rate, or to a rule where the layer debiases
   * @example
   * import { BatchNorm } from 'batchnorm';
   * const bn = new BatchNorm(8);
   * for (let step = 0; step < 100; step++) bn.updateRate = Math.max(0.01, 1 / (step + 1)); // warm-up
   */
  get updateRate(): UpdateRate {
    return this.#running.updateRate;
  }

  set updateRate(rate: UpdateRate) {
    this.#running.setUpdateRate('BatchNorm', rate);
  }

  /**
   * Gradient of the loss with respect to gamma, [c], of the last backward, or of several that accumulate: always the
   * same array. null before a backward, if the layer has no `scale`, and if the last backward was not to `learn`.
   */
  get dgamma(): ParameterOf<T> | null {
    return this.#own.gamma && this.#learnt ? this.#own.dgamma : null;
  }

  /**
   * Gradient of the loss with respect to beta, [c], of the last backward, or of several that accumulate: always the
   * same array. null before a backward, if the layer has no `center`, and if the last backward was not to `learn`.
   */
  get dbeta(): ParameterOf<T> | null {
    return this.#own.beta && this.#learnt ? this.#own.dbeta : null;
  }

  /**
   * The parameters for an optimiser: gamma and beta, if the layer has and learns them, each with its gradient of the
   * last backward. The list is empty before a backward. The arrays are always the same, so an optimiser can keep its
   * moments by array.
   *
   * @example
   * import { BatchNorm } from 'batchnorm';
   * const bn = new BatchNorm(1, { scale: false });
   * bn.forward(Float32Array.of(1, 3), [2, 1]);
   * bn.backward(Float32Array.of(1, 2));
   * for (const { name, value, gradient } of bn.parameters()) {
   *   value[0] -= 0.5 * gradient[0];
   *   console.log(name, value[0]); // → beta -1.5
   * }
   */
  parameters(): Parameter<T>[] {
    const { gamma, beta, dgamma, dbeta } = this;
    const parameters: Parameter<T>[] = [];
    if (gamma !== null && dgamma !== null) parameters.push({ name: 'gamma', value: gamma, gradient: dgamma });
    if (beta !== null && dbeta !== null) parameters.push({ name: 'beta', value: beta, gradient: dbeta });
    return parameters;
  }

  /**
   * Gradient of the loss with respect to the residual, of its shape, of the last backward. null before a backward, and
   * if the forward had no residual. Without an activation it is the array dy itself, unless `outResidual` was given or
   * `out` was dy.
   */
  get dresidual(): T | null {
    return this.#dresidual;
  }

  /**
   * Mode of the layer. true: forward normalises by the statistics of the batch and updates the running ones. false:
   * forward normalises by the running statistics. Default true. The three switches `normalizeWith`, `updateStatistics`
   * and `learn` refine it.
   *
   * @throws TypeError when set to anything but true or false
   */
  get training(): boolean {
    return this.#switches.training;
  }

  set training(training: boolean) {
    this.#switch('training', training);
  }

  /**
   * Whether a forward in training updates the running statistics. Default true.
   *
   * @throws TypeError when set to anything but true or false
   */
  get updateStatistics(): boolean {
    return this.#switches.updateStatistics;
  }

  set updateStatistics(update: boolean) {
    this.#switch('updateStatistics', update);
  }

  /**
   * Whether backward computes dgamma and dbeta. If not, they are null. Default true.
   *
   * @throws TypeError when set to anything but true or false
   */
  get learn(): boolean {
    return this.#switches.learn;
  }

  set learn(learn: boolean) {
    this.#switch('learn', learn);
  }

  /**
   * The statistics that forward normalises by: 'mode' (default), as train() and eval() say; 'batch', always those of
   * the batch; 'running', always the running ones; or, as 'mode', but evaluation mixes those of each sample with the
   * running ones: { sample: 0.1 }, see {@link SampleMixture}, which needs the samples on the first axis.
   *
   * @throws TypeError, RangeError when set to anything else
   * @example
   * import { BatchNorm } from 'batchnorm';
   * const bn = new BatchNorm(1, { epsilon: 0 }).eval();
   * bn.normalizeWith = { sample: 0.5 }; // the running mean is 0, that of the sample 2; the variances are 1
   * const y = bn.forward(Float32Array.of(1, 3), [1, 1, 2]); // mean 1, variance 1/2 + 1/2 + 1
   * console.log(y[0], y[1].toFixed(3)); // → 0 1.414
   */
  get normalizeWith(): NormalizeWith {
    return this.#switches.normalizeWith;
  }

  set normalizeWith(statistics: NormalizeWith) {
    this.#switch('normalizeWith', statistics);
  }

  /**
   * Switches to training mode, or with false to evaluation mode, as in PyTorch.
   *
   * @param training whether to train. Default true
   * @returns the layer
   * @throws TypeError where `training` is neither true nor false
   */
  train(training = true): this {
    checkBoolean('BatchNorm.train', 'training', training);
    this.training = training;
    return this;
  }

  /**
   * Switches to evaluation mode: forward normalises by the running statistics.
   *
   * @returns the layer
   */
  eval(): this {
    this.training = false;
    return this;
  }

  /**
   * Freezes the layer for fine-tuning, in training too: it normalises by the running statistics, leaves them as they
   * are, and learns no gamma and beta. It sets `normalizeWith` to 'running', `updateStatistics` and `learn` to false.
   *
   * @returns the layer
   *
   * @example
   * import { BatchNorm } from 'batchnorm';
   * const bn = new BatchNorm(2).freeze(); // or: normalizeWith = 'running'; updateStatistics = false; learn = false
   * bn.forward(Float32Array.of(1, 2, 3, 4), [2, 2]);
   * bn.backward(Float32Array.of(1, 1, 1, 1));
   * console.log([...bn.runningMean], bn.dgamma); // → [ 0, 0 ] null
   */
  freeze(): this {
    return this.#refine('running', false);
  }

  /**
   * Undoes {@link BatchNorm.freeze}: sets `normalizeWith` to 'mode', `updateStatistics` and `learn` to true.
   *
   * @returns the layer
   */
  unfreeze(): this {
    return this.#refine('mode', true);
  }

  #refine(normalizeWith: 'mode' | 'running', rest: boolean): this {
    this.#switches = { training: this.training, normalizeWith, updateStatistics: rest, learn: rest };
    return this;
  }

  #switch<Name extends keyof Switches>(name: Name, value: Switches[Name]): void {
    this.#switches = { ...this.#switches, [name]: SWITCHES[name].read('BatchNorm', name, value) };
  }

  /**
   * Normalises x: in training by its own statistics, which then go into the running ones, in evaluation by the running
   * ones.
   *
   * For the backward it keeps references to x and the residual (leave them unchanged until then) and copies of the
   * statistics, parameters and mode that it used, in place of those of the forward before. An empty batch updates
   * nothing.
   *
   * @param x of the layer's dtype
   * @param shape its dimensions, of any rank that has the channel axis; their product is `x.length`
   * @param options `out` and `residual`; see {@link BatchNormForwardOptions}
   * @returns y: `out`, where given
   * @throws TypeError, RangeError as {@link forwardTraining}; out, running statistics and what an earlier forward kept
   *   are untouched
   */
  forward(x: T, shape: readonly number[], options: BatchNormForwardOptions<T> = NO_OPTIONS): T {
    const { y, saved, due } = this.#run(FORWARD, x, shape, options, false);
    this.#last.replace(saved, due);
    return y;
  }

  /**
   * A forward with a backward of its own, whatever the layer does in between: for a layer that is used several times in
   * a step (two towers, an unrolled recurrence, weight sharing). It updates the running statistics as
   * {@link BatchNorm.forward} does. The layer's own `backward` still differentiates the last `forward`.
   *
   * @param x of the layer's dtype
   * @param shape its dimensions, of any rank that has the channel axis; their product is `x.length`
   * @param options `out`, `residual` and the rest; see {@link BatchNormForwardOptions}
   * @returns y and its backward; see {@link RecordedForward}
   * @throws TypeError, RangeError as {@link BatchNorm.forward}
   */
  record(x: T, shape: readonly number[], options: BatchNormForwardOptions<T> = NO_OPTIONS): RecordedForward<T> {
    const { y, saved } = this.#run('BatchNorm.record', x, shape, options, true);
    const call = 'RecordedForward.backward';
    return new RecordedForward<T>(y, (dy, given) => {
      const { dx, dresidual, dgamma, dbeta } = this.#differentiate(call, dy, requireInput(call, saved), given, true);
      const { gamma, beta } = this.#own;
      const learnt = this.#learnt;
      return { dx, dresidual, dgamma: gamma && learnt ? dgamma : null, dbeta: beta && learnt ? dbeta : null };
    });
  }

  #run(call: string, x: T, shape: readonly number[], options: BatchNormForwardOptions<T>, recorded: boolean) {
    const given = readForwardOptions(call, options);
    const { training } = this.#switches;
    const needed = neededStatistics(this.#switches);
    const { batch, track, sample } = needed;
    const { kind, view, arrangement } = checkForward(
      call,
      this.#own,
      this.#settings,
      this.#synchronized,
      needed,
      x,
      shape,
      given,
    );
    const limits = checkLimits(call, this.#settings, given);
    const { out, residual = null, update = true } = given;
    const y = out ?? newTensor<T>(kind, x.length);
    const variants = sample > 0 ? [new Mixture(sample, this.#own)] : this.#variants;
    const own = { batch: batch || sample > 0, track, limits, variants };
    const request = { call, kind, x, residual, y, given: out !== undefined, view, arrangement, ...own };
    const { saved, statistics } = this.#pass.forward(request, recorded);
    this.#transaction.begin(sample > 0 ? null : statistics, track, update);
    return { y, saved, due: training || batch };
  }

  /**
   * Takes the batch of the last forward into the running statistics, if it was called with `update: false`: once,
   * however often the forward was repeated or commit is called. The next forward replaces what was not committed.
   *
   * @param moments take these in instead, as one batch: such as the merged {@link BatchNorm.batchMoments} of several
   *   forwards whose gradients are accumulated
   * @returns whether anything was taken in
   * @throws TypeError where it is no `Moments`, RangeError where its channels differ or count unequally
   * @example
   * import { BatchNorm } from 'batchnorm';
   * const bn = new BatchNorm(1, { updateRate: 0.5 });
   * const x = Float32Array.of(1, 3);
   * bn.forward(x, [2, 1], { update: false });
   * bn.forward(x, [2, 1], { update: false }); // again, for a backward that recomputes
   * console.log(bn.commit(), bn.commit(), bn.runningMean[0]); // → true false 1
   */
  commit(moments?: Moments): boolean {
    return this.updateStatistics && this.#transaction.commit('BatchNorm.commit', moments);
  }

  /**
   * Drops the batch of the last forward, if it was called with `update: false`, so that {@link BatchNorm.commit} will
   * not take it into the running statistics.
   *
   * @returns whether there was such a batch
   */
  discard(): boolean {
    return this.#transaction.discard();
  }

  /**
   * Count, mean and variance of the batch of the last forward, a copy; with `synchronize`, of the batch of all ranks.
   * It does not matter whether the running statistics have taken them in. null if the forward needed no statistics.
   */
  get batchMoments(): Moments | null {
    const { batch } = this.#transaction;
    return batch && momentsOf(batch);
  }

  /** The channels with NaN or Infinity in the last batch: their mean or variance is not a finite number. */
  get nonFiniteChannels(): number[] {
    const { batch } = this.#transaction;
    return batch === null ? [] : nonFiniteChannels(batch);
  }

  /**
   * Gradient of the last forward with respect to its x; sets dgamma, dbeta and dresidual. It differentiates what the
   * forward did: with the parameters, statistics and mode of that moment, whatever has been changed since.
   *
   * Only the last forward is kept. A network that uses a layer several times in a step takes {@link BatchNorm.record}
   * for each use. Several backwards of one forward (two losses) are fine.
   *
   * @param dy gradient of the loss with respect to y
   * @param options `out`, `outResidual` and `accumulate`; see {@link BatchNormBackwardOptions}
   * @returns dx: `out`, where given
   * @throws Error with code ERR_BATCHNORM_NO_INPUT before any forward, after {@link BatchNorm.forget}, where x (or the
   *   residual, with an activation) has been overwritten by its `out`, detached or released, and for a second backward
   *   after two forwards of different batches
   * @throws TypeError, RangeError as the function {@link backward}; gradients and outputs are untouched
   */
  backward(dy: T, options: BatchNormBackwardOptions<T> = NO_OPTIONS): T {
    const saved = this.#last.require(BACKWARD);
    const { dx, dresidual } = this.#differentiate(BACKWARD, dy, saved, options, false);
    this.#last.answer();
    this.#dresidual = dresidual;
    return dx;
  }

  /** @param recorded whether dgamma and dbeta are to be arrays of their own, too */
  #differentiate(
    call: string,
    dy: T,
    saved: Saved<T>,
    options: BatchNormBackwardOptions<T>,
    recorded: boolean,
  ): Places<T> & ParameterGradients<T> {
    const given = readBackwardOptions(call, options);
    checkBackward(call, this.#own, dy, saved, given);
    const { out, outResidual, accumulate = false } = given;
    const whole = this.#own.gradients();
    const { dgamma, dbeta } = accumulate || recorded ? this.#own.newGradients() : whole;
    const { learn } = this.#switches;
    const { dx, dresidual } = this.#pass.backward(call, dy, saved, { out, outResidual, learn, dgamma, dbeta });
    this.#own.setGradients(whole, { dgamma, dbeta }, accumulate && this.#learnt && learn);
    this.#learnt = learn;
    return { dx, dresidual, dgamma, dbeta };
  }

  /**
   * Drops the references that the layer keeps to large arrays: x and the residual of the last forward, and dresidual.
   * Then there is no forward to differentiate.
   */
  forget(): void {
    this.#last.forget();
    this.#dresidual = null;
  }

  /**
   * Replaces the running statistics by exact ones, such as {@link Moments} over the whole training set (Algorithm 2 of
   * the paper): the mean, and the variance as `varianceEstimator` says (the population's where count is 1).
   * batchesTracked stays.
   *
   * @throws TypeError where it is no `Moments`; RangeError where its channels differ, or one of them has seen no value
   * @example
   * import { BatchNorm, Moments } from 'batchnorm';
   * const bn = new BatchNorm(1, { varianceEstimator: 'biased' });
   * bn.setStatistics(new Moments(1).add(Float32Array.of(1, 3), [2, 1]));
   * console.log(bn.runningMean[0], bn.runningVariance[0]); // → 2 1
   */
  setStatistics(moments: Moments): void {
    this.#transaction.replace('BatchNorm.setStatistics', moments);
  }

  /**
   * Forgets all batches: the running statistics, with `renorm` those too that r and d are measured against, and their
   * counts are those of a new layer. A batch that waits for {@link BatchNorm.commit} is let go of. Parameters,
   * switches, `updateRate` and the arrays themselves stay, and so does what the last forward keeps for its backward.
   * (In PyTorch: reset_running_stats.)
   *
   * @returns the layer
   * @throws TypeError where an array of the statistics has been transferred; nothing has been reset then
   * @example
   * import { BatchNorm } from 'batchnorm';
   * const bn = new BatchNorm(1, { updateRate: 'cumulative' });
   * bn.forward(Float32Array.of(1, 3), [2, 1]); // a warm-up that is not to count
   * bn.resetStatistics().forward(Float32Array.of(5, 7), [2, 1]);
   * console.log(bn.batchesTracked, bn.runningMean[0]); // → 1 6
   */
  resetStatistics(): this {
    this.#transaction.reset('BatchNorm.resetStatistics');
    return this;
  }

  /**
   * The layer as plain data that JSON keeps without loss: settings, switches, parameters and running statistics.
   * Neither gradients nor the last forward are part of it.
   *
   * @example
   * import { BatchNorm } from 'batchnorm';
   * const bn = new BatchNorm(2, { decay: 0.99 });
   * bn.forward(Float32Array.of(0.1, 0.2, 0.3, 0.4), [2, 2]);
   * const copy = BatchNorm.fromState(JSON.parse(JSON.stringify(bn.state())));
   * console.log(copy.runningVariance[1] === bn.runningVariance[1]); // → true
   */
  state(): BatchNormState<DtypeOf<T>> {
    this.#own.check('BatchNorm.state');
    return writeState(this, this.#running);
  }

  /** The state of the layer, for `JSON.stringify`; see {@link BatchNorm.state}. */
  toJSON(): BatchNormState<DtypeOf<T>> {
    return this.state();
  }

  /** As {@link BatchNormConstructor} says. */
  static fromState<T extends AnyTensor = Float32Array>(
    state: BatchNormState<AnyDtype>,
    options: SynchronizeOptions = NO_OPTIONS,
  ): BatchNorm<T> {
    return BatchNorm.#restored<T>('BatchNorm.fromState', state, options);
  }

  /**
   * Restores a state into this layer. Its arrays stay, so that what an optimiser keeps by array stays valid; so do
   * gradients and what the last forward keeps for its backward, but not a batch that waits for
   * {@link BatchNorm.commit}.
   *
   * @param state of a layer of the same channels and settings (`updateRate` may differ)
   * @returns the layer
   * @throws TypeError, RangeError naming the field that is missing, unknown or wrong, or the setting that differs;
   *   nothing has been restored then
   * @example
   * import { BatchNorm } from 'batchnorm';
   * const bn = new BatchNorm(1);
   * const { gamma } = bn;
   * const before = bn.state();
   * bn.forward(Float32Array.of(1, 3), [2, 1]);
   * bn.loadState(before);
   * console.log(bn.batchesTracked, bn.runningMean[0], bn.gamma === gamma); // → 0 0 true
   */
  loadState(state: BatchNormState<AnyDtype>): this {
    const call = 'BatchNorm.loadState';
    const saved = readState(call, state);
    checkSame(call, this.channels, this.#settings, saved);
    this.#own.check(call);
    this.#restore(saved);
    return this;
  }

  /**
   * A layer of the same settings, switches, parameters and running statistics, which shares no memory with this one. It
   * has no gradients, and no forward to go back from.
   *
   * @param options `synchronize` and `gradients`. A copy of a synchronised layer is not synchronised unless told: it
   *   would take part in the exchanges of all ranks, and so they would all have to make one
   * @example
   * import { BatchNorm } from 'batchnorm';
   * const bn = new BatchNorm(1, { epsilon: 0 });
   * const still = bn.clone().eval();
   * bn.forward(Float32Array.of(1, 3), [2, 1]);
   * console.log(bn.batchesTracked, still.batchesTracked, still.epsilon); // → 1 0 0
   */
  clone(options: SynchronizeOptions = NO_OPTIONS): BatchNorm<T> {
    return BatchNorm.#restored<T>('BatchNorm.clone', this.state(), options);
  }

  static #restored<T extends AnyTensor>(
    call: string,
    state: BatchNormState<AnyDtype>,
    options: SynchronizeOptions,
  ): BatchNorm<T> {
    const given = readOptions(call, options, CLONE_OPTIONS);
    const saved = readState(call, state);
    const layer = new BatchNorm<T>(saved.channels, { ...saved.options, ...given });
    layer.#restore(saved);
    return layer;
  }

  #restore({ settings, switches, progress, arrays }: SavedLayer): void {
    this.#switches = { ...switches };
    this.#running.restore(progress, settings.updateRate);
    this.#transaction.discard();
    this.#own.write(arrays);
  }
}
