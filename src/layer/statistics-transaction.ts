/** When the statistics of a batch go into the running ones: at once, later, or never; but not twice. */

import { wrongKind, wrongValue } from '../arguments/messages.js';
import type { MomentArrays } from '../channels/moment-arrays.js';
import { nonFiniteChannels, refuseNonFinite } from '../channels/non-finite.js';
import { arraysOf, isMoments, type Moments } from '../statistics/moments.js';
import type { AnyTensor } from '../types.js';
import type { LayerArrays } from './arrays.js';
import type { RunningStatistics } from './running-statistics.js';
import type { Settings } from './settings.js';

export class StatisticsTransaction {
  readonly #own: LayerArrays<AnyTensor>;
  readonly #running: RunningStatistics;
  readonly #onNonFinite: Settings['onNonFinite'];
  readonly #summation: Settings['summation'];
  #batch: MomentArrays | null = null;
  #pending = false;

  constructor(own: LayerArrays<AnyTensor>, running: RunningStatistics, { onNonFinite, summation }: Settings) {
    this.#own = own;
    this.#running = running;
    this.#onNonFinite = onNonFinite;
    this.#summation = summation;
  }

  /** Statistics of the last forward; null if it needed none. */
  get batch(): MomentArrays | null {
    return this.#batch;
  }

  /** A forward has come to its end. What the one before had left pending is dropped. */
  begin(batch: MomentArrays | null, track: boolean, update: boolean): void {
    const counts = track && batch !== null && this.#isAccepted(batch);
    this.#batch = batch;
    this.#pending = counts && !update;
    if (counts && update) this.#running.update(batch);
  }

  /** @returns whether anything was taken in */
  commit(call: string, moments: Moments | undefined): boolean {
    const pending = this.#pending ? this.#batch : null;
    const batch = moments === undefined ? pending : this.#checked(call, moments);
    if (batch !== null) {
      this.#own.check(call);
      this.#own.checkRunning(call);
    }
    this.#pending = false;
    if (batch === null || !(batch.count[0] > 0) || !this.#isAccepted(batch)) return false;
    this.#running.update(batch);
    return true;
  }

  /** @returns whether there was anything to drop */
  discard(): boolean {
    const dropped = this.#pending;
    this.#pending = false;
    return dropped;
  }

  /** Exact statistics in place of the running ones. */
  replace(call: string, moments: Moments): void {
    const arrays = this.#ofLayer(call, moments);
    this.#own.check(call);
    this.#running.set(call, arrays);
  }

  /** The start values in place of the running ones, also of a batch that was still to go into them. */
  reset(call: string): void {
    this.#own.check(call);
    this.#running.reset();
    this.#pending = false;
  }

  /** A batch that is skipped is normalised and not counted. */
  #isAccepted(batch: MomentArrays): boolean {
    return this.#onNonFinite !== 'skip' || nonFiniteChannels(batch).length === 0;
  }

  #ofLayer(call: string, moments: Moments): MomentArrays {
    const { channels } = this.#own;
    if (!isMoments(moments)) throw wrongKind(call, 'moments', 'Moments', moments);
    if (moments.channels !== channels) throw wrongValue(call, 'moments.channels', `${channels}`, moments.channels);
    return arraysOf(moments);
  }

  /** Moments that can stand for a batch: all channels have seen as many values. */
  #checked(call: string, moments: Moments): MomentArrays {
    const arrays = this.#ofLayer(call, moments);
    if (moments.summation !== this.#summation) {
      throw wrongValue(call, 'moments.summation', `'${this.#summation}', as the layer has it`, moments.summation);
    }
    const [first] = arrays.count;
    arrays.count.forEach((count, ch) => {
      if (count === first) return;
      throw wrongValue(call, `moments.count[${ch}]`, `${first}, as in the first channel`, count);
    });
    if (this.#onNonFinite === 'throw' && first > 0) refuseNonFinite(call, 'moments', [arrays]);
    return arrays;
  }
}
