/** Jobs on the ranks of an MPI job: all of them train one network after the other, in step with each other. */
import { setImmediate } from 'node:timers/promises';
import type { Dataset } from '../data/dataset.js';
import type { Result } from '../runs/results.js';
import type { Job, Settings } from '../runs/settings.js';
import { runTrial } from '../trials/index.js';
import { measureCost } from './cost.js';
import { type Host, loadHost } from './host.js';
import type { Signal } from './interruption.js';
import type { Listener, Runner } from './pool.js';
import { Interrupted, type Ranks } from './ranks.js';
import { shortFirst } from './schedule.js';
import { train } from './training.js';

/** Milliseconds after which a signal is noticed: mpirun kills what has not ended a second after it. */
const NOTICE = 50;

/** Steps of a trial from one look for signals to the next. */
const TOGETHER = 10;

export class Lockstep implements Runner {
  #host: Host | undefined;

  constructor(
    private readonly data: Dataset,
    private readonly settings: Settings,
    private readonly ranks: Ranks,
  ) {}

  async run(jobs: readonly Job[], listener: Listener): Promise<void> {
    this.#host ??= await loadHost();
    listener.ready(this.#host.description);
    try {
      for (const job of shortFirst(jobs)) listener.done(job, await this.#do(this.#host, job, listener));
    } catch (error) {
      if (!(error instanceof Interrupted)) throw error;
      listener.interrupted(error.signal);
    }
  }

  /** All ranks end at their next step. */
  async stop(signal?: Signal): Promise<void> {
    if (signal) this.ranks.interrupt(signal);
  }

  #do(host: Host, job: Job, listener: Listener): Promise<Result> {
    let turned = performance.now();
    const listen = async (steps: number) => {
      listener.progress(job, steps);
      // Signals arrive between turns of the event loop, and steps take none.
      await setImmediate();
      turned = performance.now();
    };
    /** All ranks compute the same, and exchange nothing else: so they hear together whether one was told to end. */
    const listenTogether = async (steps: number) => {
      if (steps % TOGETHER !== 0) return;
      await listen(steps);
      this.ranks.sum([]);
    };
    const listenAtTimes = (steps: number) => (performance.now() - turned < NOTICE ? undefined : listen(steps));
    if (job.kind === 'trial') return runTrial(this.data, job, listenTogether);
    return job.kind === 'cost'
      ? measureCost(host, this.data, job, this.settings, this.ranks, listenAtTimes)
      : train(host, this.data, job, this.settings, this.ranks, listenAtTimes);
  }
}
