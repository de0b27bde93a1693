/** The processes of an MPI job, which train one network together: each has its share of every minibatch. */
import { type Reducer, sumRanks } from 'batchnorm';
import { isLaunched, MpiReducer } from 'batchnorm/mpi';
import { Failure } from '../kit/failure.js';
import type { Signal } from './interruption.js';

/** Rows of a minibatch: those of the ranks before this one, its own, those of the ranks after it. */
export interface Share {
  readonly before: number;
  readonly own: number;
  readonly after: number;
}

/** Thrown on every rank at the same step, after one of them was told to end. */
export class Interrupted extends Error {
  override name = 'Interrupted';

  constructor(readonly signal: Signal) {
    super(`interrupted by ${signal}`);
  }
}

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** This process among the ranks of its job; {@link ALONE} where nobody has started one. */
export function joinRanks(): Ranks {
  if (!isLaunched()) return ALONE;
  const reducer = new MpiReducer();
  return new Ranks(reducer, reducer.library);
}

export class Ranks {
  /** 0 is the one that reports. */
  readonly rank: number;
  readonly size: number;
  readonly #all: Reducer;
  #told: Signal | null = null;

  /**
   * @param reducer - For the layers; undefined where they have nobody to synchronise with.
   * @param library - What moves the numbers, for people.
   */
  constructor(
    readonly reducer: Reducer | undefined,
    readonly library = '',
  ) {
    this.#all = reducer ?? { rank: 0, size: 1, exchange: (values) => [values] };
    this.rank = this.#all.rank;
    this.size = this.#all.size;
  }

  get isFirst(): boolean {
    return this.rank === 0;
  }

  /** A minibatch of `count` rows is cut in order of rank. */
  share(count: number): Share {
    const startOf = (rank: number) => Math.floor((rank * count) / this.size);
    const [start, end] = [startOf(this.rank), startOf(this.rank + 1)];
    return { before: start, own: end - start, after: count - end };
  }

  /**
   * The sums over all ranks, the same bits on each. One exchange.
   *
   * @throws Interrupted where a rank was told to end
   */
  sum(arrays: readonly Float32Array[]): Float64Array[] {
    const told = SIGNALS.map((signal) => Number(signal === this.#told));
    const [signals, ...sums] = sumRanks(this.#all, [Float64Array.from(told), ...arrays]);
    const signal = SIGNALS.find((_, i) => signals![i] > 0);
    if (signal) throw new Interrupted(signal);
    return sums;
  }

  /** At the next {@link sum} every rank is interrupted. */
  interrupt(signal: Signal): void {
    this.#told = signal;
  }

  /** The value of the first rank. */
  fromFirst(values: readonly number[]): readonly number[] {
    return [...this.#exchange(values)[0]];
  }

  /** The least of all ranks, value by value. */
  least(values: readonly number[]): readonly number[] {
    const all = this.#exchange(values);
    return values.map((_, i) => Math.min(...all.map((sent) => sent[i])));
  }

  /**
   * Does something on every rank, and returns when it is done on all. Where it fails, the first rank that failed
   * throws, and with that ends the job; the others wait for it.
   */
  async agree<R>(work: () => R | Promise<R>): Promise<R> {
    if (this.reducer === undefined) return work();
    const outcome = await Promise.resolve()
      .then(work)
      .then(
        (result) => ({ result, error: undefined }),
        (error: Error) => ({ result: undefined, error }),
      );
    const first = this.#exchange([outcome.error ? 1 : 0]).findIndex(([failed]) => failed !== 0);
    if (first === -1) return outcome.result as R;
    if (first !== this.rank) this.#exchange([]);
    const { error } = outcome;
    throw error instanceof Failure && !this.isFirst ? new Failure(`on rank ${this.rank}: ${error.message}`) : error;
  }

  #exchange(values: readonly number[]): readonly Float64Array[] {
    return this.#all.exchange(Float64Array.from(values));
  }
}

/** A process that shares its work with nobody. */
export const ALONE = new Ranks(undefined);
