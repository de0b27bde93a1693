/** Dropout with a generator of its own: that of TensorFlow.js, given a seed, drops the same values at every step. */
import { mul, type Tensor, tensor } from '@tensorflow/tfjs-core';
import { layers } from '@tensorflow/tfjs-layers';
import { type Random, random } from '../data/random.js';
import type { Share } from './ranks.js';

/**
 * In training a value is 0 with the probability `rate`, and divided by 1 − rate otherwise. What is drawn for a
 * minibatch is the same however it is shared among ranks.
 */
export class Dropout extends layers.Layer {
  static readonly className = 'SeededDropout';

  readonly #next: Random;

  constructor(
    private readonly rate: number,
    seed: number,
    private readonly share: Share,
  ) {
    super({});
    this.#next = random(seed);
  }

  override call(inputs: Tensor | Tensor[], kwargs: Parameters<layers.Layer['call']>[1]): Tensor {
    const x = Array.isArray(inputs) ? inputs[0] : inputs;
    if (!kwargs['training']) return x;
    const columns = x.shape.at(-1)!;
    this.#skip(this.share.before * columns);
    const kept = 1 / (1 - this.rate);
    const mask = new Float32Array(x.size);
    for (let i = 0; i < mask.length; i++) mask[i] = this.#next() < this.rate ? 0 : kept;
    this.#skip(this.share.after * columns);
    return mul(x, tensor(mask, x.shape));
  }

  #skip(count: number): void {
    for (let i = 0; i < count; i++) this.#next();
  }
}
