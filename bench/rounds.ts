/**
 * Contenders of a case in turns: many short rounds, each in the reverse order of the one before, so that what
 * changes on the machine meanwhile meets all of them. What is reported is the median over the samples of all
 * rounds.
 */
import { setTimeout } from 'node:timers/promises';
import Benchmark from 'benchmark';
import type { Opened } from './contender.js';
import type { Timing } from './row.js';

export interface Entrant {
  /** An estimate. */
  readonly secondsOfCall: number;
  /** One turn. */
  round(): Promise<Timing>;
}

/** Seconds: a sample of Benchmark.js is at least MIN_TIME of calls, a turn goes on for MAX_TIME. */
const MIN_TIME = 0.01;
const MAX_TIME = 0.03;
/** From here on a turn is one call, without the one that Benchmark.js makes for a try. */
const SLOW = 0.25;
/** Slower contenders have fewer turns, to end in about so many seconds; at least three. */
const BUDGET = 3;
const LEAST_TURNS = 3;
/** Milliseconds of peace between turns: threads of the one before may still be spinning. */
const PEACE = 2;

export async function runRounds(entrants: readonly Entrant[], rounds: number): Promise<Timing[]> {
  const pools = entrants.map((): { samples: number[]; calls: number } => ({ samples: [], calls: 0 }));
  for (const entrant of entrants) if (entrant.secondsOfCall < SLOW) await entrant.round();
  for (let round = 0; round < rounds; round++) {
    for (const index of turnsOf(entrants, round, rounds)) {
      await setTimeout(PEACE);
      const { samples, calls } = await entrants[index].round();
      pools[index].samples.push(...samples);
      pools[index].calls += calls;
    }
  }
  return pools;
}

/** The indices of those whose turn it is, forwards in even rounds and backwards in odd ones. */
export function turnsOf(entrants: readonly Pick<Entrant, 'secondsOfCall'>[], round: number, rounds: number): number[] {
  const due = entrants.flatMap(({ secondsOfCall }, index) => {
    const affordable = Math.max(LEAST_TURNS, Math.floor(BUDGET / secondsOfCall));
    const turns = secondsOfCall < SLOW ? rounds : Math.min(rounds, affordable);
    const had = (before: number) => Math.floor((before * turns) / rounds);
    return had(round) > had(round - 1) ? [index] : []; // spread evenly over the rounds, the first among them
  });
  return round % 2 === 0 ? due : due.reverse();
}

/** Times the calls of a contender with Benchmark.js. */
export class Stopwatch implements Entrant {
  readonly secondsOfCall: number;
  readonly #opened: Opened;
  readonly #name: string;
  /** Calls in a sample, found by the turn before. */
  #count = 1;

  constructor(name: string, opened: Opened, secondsOfCall: number) {
    this.#name = name;
    this.#opened = opened;
    this.secondsOfCall = secondsOfCall;
  }

  async round(): Promise<Timing> {
    await this.#opened.prepare?.();
    const defer = this.#opened.isAsync || this.secondsOfCall >= SLOW;
    const { samples, count } = await run(this.#name, this.#opened.call, {
      defer,
      minTime: MIN_TIME,
      maxTime: this.secondsOfCall >= SLOW ? 0 : MAX_TIME,
      minSamples: 1,
      initCount: this.#count,
    });
    this.#count = count;
    return { samples, calls: samples.length * count };
  }
}

/**
 * Seconds of a call, a number for each sample, and how many calls a sample had.
 *
 * @throws what the call throws
 */
function run(name: string, call: () => unknown, options: Benchmark.Options) {
  return new Promise<{ samples: number[]; count: number }>((resolve, reject) => {
    const deferred = async (one: { resolve(): void }) => {
      try {
        await call();
      } catch (error) {
        reject(error);
      }
      one.resolve();
    };
    let count = 1;
    const fn = options.defer ? deferred : () => void call();
    const benchmark = new Benchmark(name, fn, { ...options, async: false });
    benchmark.on('cycle', () => {
      // `count` of the benchmark itself is not kept up where calls are deferred.
      count = Math.round(benchmark.times.cycle! / benchmark.times.period!);
    });
    benchmark.on('complete', () => {
      if (benchmark.error) reject(benchmark.error);
      else resolve({ samples: [...benchmark.stats.sample], count });
    });
    benchmark.run();
  });
}
