import { refuseProxies } from '../arguments/messages.js';
import { checkBoolean, checkChoice } from '../arguments/validate.js';

/** What a layer does and what it leaves: training and evaluation, and the three switches beside them. */
export class LayerSwitches {
  static {
    refuseProxies('BatchNorm', LayerSwitches.prototype, (value) => #learn in value);
  }

  #training = true;
  #updateStatistics = true;
  #learn = true;
  #normalizeWith: 'mode' | 'batch' | 'running' = 'mode';

  /**
   * true: forward normalises by the batch and updates the running statistics. false: by the running statistics. The three
   * switches `normalizeWith`, `updateStatistics` and `learn` refine it.
   *
   * @throws TypeError when set to what is neither true nor false
   */
  get training(): boolean {
    return this.#training;
  }

  set training(training: boolean) {
    checkBoolean('BatchNorm', 'training', training);
    this.#training = training;
  }

  /**
   * false: also training leaves the running statistics alone. Default true.
   *
   * @throws TypeError when set to what is neither true nor false
   */
  get updateStatistics(): boolean {
    return this.#updateStatistics;
  }

  set updateStatistics(update: boolean) {
    checkBoolean('BatchNorm', 'updateStatistics', update);
    this.#updateStatistics = update;
  }

  /**
   * false: backward computes no dgamma and dbeta; they are null then. Default true.
   *
   * @throws TypeError when set to what is neither true nor false
   */
  get learn(): boolean {
    return this.#learn;
  }

  set learn(learn: boolean) {
    checkBoolean('BatchNorm', 'learn', learn);
    this.#learn = learn;
  }

  /**
   * What forward normalises by: 'mode' (default), as train() and eval() say; or always by the 'batch', or always by the
   * 'running' statistics.
   *
   * @throws TypeError, RangeError when set to anything else
   */
  get normalizeWith(): 'mode' | 'batch' | 'running' {
    return this.#normalizeWith;
  }

  set normalizeWith(statistics: 'mode' | 'batch' | 'running') {
    checkChoice('BatchNorm', 'normalizeWith', statistics, ['mode', 'batch', 'running']);
    this.#normalizeWith = statistics;
  }

  /**
   * Training mode; with false evaluation mode, as in PyTorch.
   *
   * @throws TypeError where `training` is neither true nor false
   */
  train(training = true): this {
    checkBoolean('BatchNorm.train', 'training', training);
    this.training = training;
    return this;
  }

  /** Evaluation mode. */
  eval(): this {
    this.training = false;
    return this;
  }

  /**
   * Frozen for fine-tuning, in training too: normalises with the running statistics, leaves them, and learns no gamma and
   * beta. The three switches can be set one by one as well.
   *
   * @example
   * import { BatchNorm } from 'batchnorm';
   * const bn = new BatchNorm(2).freeze(); // or: normalizeWith = 'running'; updateStatistics = false; learn = false
   * bn.forward(Float32Array.of(1, 2, 3, 4), [2, 2]);
   * bn.backward(Float32Array.of(1, 1, 1, 1));
   * console.log([...bn.runningMean], bn.dgamma); // → [ 0, 0 ] null
   */
  freeze(): this {
    return this.#setSwitches('running', false);
  }

  /** Undoes freeze: the three switches as they are by default. */
  unfreeze(): this {
    return this.#setSwitches('mode', true);
  }

  #setSwitches(normalizeWith: 'mode' | 'running', rest: boolean): this {
    this.#normalizeWith = normalizeWith;
    this.updateStatistics = rest;
    this.learn = rest;
    return this;
  }
}
