/** One run of the command: what is asked for, what is there, and what is still to be done. */
import { mkdtempSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { crc32 } from 'node:zlib';
import { backend } from 'batchnorm';
import type { Dataset } from '../data/dataset.js';
import { Failure } from '../kit/failure.js';
import { writeWhole } from '../kit/output-file.js';
import { wrap } from '../kit/terminal.js';
import { count } from '../kit/text.js';
import { loadRuns } from '../runs/earlier-results.js';
import { type Result, type Results, saveResults, tunedOf } from '../runs/results.js';
import { isTuned, type Job, planOf, type Settings, type TrainOptions } from '../runs/settings.js';
import { describeBackend, describeMachine } from './describe.js';
import { onInterruption, type Signal } from './interruption.js';
import { type Listener, Pool, type Runner } from './pool.js';
import { type Progress, SILENCE, showProgress } from './progress.js';
import type { Ranks } from './ranks.js';

/** Results are saved on the way, but not more often. Milliseconds. */
const SAVING = 3000;

/** Where the report went, and why it is not where it was wanted. */
export interface Written {
  readonly report: string;
  readonly failure: Failure | null;
}

/** The first rank keeps the results; the others only help to find them. */
export class Session {
  readonly #options: TrainOptions;
  readonly #data: Dataset;
  readonly #ranks: Ranks;
  readonly #workers: number;
  readonly #runs: Record<string, Result>;
  #results: Omit<Results, 'runs'>;
  #saved = performance.now();

  /** @throws Failure where what is there does not fit, or ranks are to do different things. */
  constructor(options: TrainOptions, data: Dataset, ranks: Ranks) {
    this.#options = options;
    this.#data = data;
    this.#ranks = ranks;
    this.#workers = ranks.reducer ? 1 : (options.workers ?? availableParallelism());
    this.#results = describeSession(options, data, ranks);
    const earlier = options.resume && ranks.isFirst ? loadRuns(options.out, this.#results) : null;
    if (earlier) this.#results = { ...this.#results, host: earlier.host };
    this.#runs = { ...earlier?.runs };
  }

  get results(): Results {
    return { ...this.#results, runs: this.#runs };
  }

  /** A digest of settings and data: the same on ranks that do the same. */
  get fingerprint(): readonly number[] {
    const { steps, batch, learningRate, seed, quick } = this.#results.settings;
    const images = [this.#data.train, this.#data.test].flatMap(({ pixels, labels }) => [crc32(pixels), crc32(labels)]);
    return [steps, batch, learningRate, seed, Number(quick), ...images];
  }

  introduction(): string {
    const { settings, data, backend } = this.#results;
    const { steps, batch, learningRate, seed } = settings;
    const there = Object.keys(this.#runs).length;
    const networks = `${count(this.#workers)} ${this.#workers === 1 ? 'network' : 'networks'} at a time`;
    const found = this.#options.resume ? `, of which ${count(there)} are there` : '';
    const runs = `${count(planOf(settings).length)}${found}`;
    const lines = [
      ['Batch normalization:', backend],
      ['Everything else:', `TensorFlow.js; ${networks}`],
      ['Data:', data.description],
      ['Training:', `${count(steps)} steps, minibatches of ${batch}, learning rate ${learningRate}, seed ${seed}`],
      ['Runs:', runs],
    ] as const;
    const width = 21;
    const indent = ' '.repeat(width);
    return `${lines.map(([name, text]) => wrap(`${name.padEnd(width)}${text}`, undefined, indent)).join('\n')}\n`;
  }

  /** Runs what is missing; the signal that interrupted it, or null. */
  async work(): Promise<Signal | null> {
    const plan = planOf(this.#results.settings);
    const done = this.#ranks.fromFirst(plan.map(({ id }) => Number(id in this.#runs)));
    const jobs = plan.filter((_, i) => done[i] === 0);
    if (jobs.length === 0) return null;
    const runner = await this.#runner();
    const progress = this.#ranks.isFirst ? await showProgress(jobs) : SILENCE;
    const interruption = onInterruption((signal) => void runner.stop(signal));
    const listener = this.#listener(progress, (signal) => interruption.tell(signal));
    try {
      // What is tuned has its settings from the heat maps; what is timed runs alone.
      const untuned = jobs.filter((job) => job.kind !== 'cost' && !isTuned(job));
      const phases = [() => untuned, () => this.#tuned(jobs), () => jobs.filter(({ kind }) => kind === 'cost')];
      for (const phase of phases) {
        if (interruption.signal === null) await runner.run(phase(), listener);
      }
      return interruption.signal;
    } finally {
      progress.stop();
      await runner.stop();
      interruption.release();
    }
  }

  /** The tuned ones of these jobs, with the settings that the first rank has found. */
  #tuned(jobs: readonly Job[]): Job[] {
    const ids = jobs.filter(isTuned).map(({ id }) => id);
    if (ids.length === 0) return [];
    const best = this.#ranks.isFirst ? tunedOf(this.results) : null;
    const found = best?.flatMap(({ learningRate, deviation }) => [learningRate, deviation]) ?? [0, 0, 0, 0];
    const [rate, deviation, normalizedRate, normalizedDeviation] = this.#ranks.fromFirst(found);
    const plain = { learningRate: rate, deviation };
    const normalized = { learningRate: normalizedRate, deviation: normalizedDeviation };
    return planOf(this.#results.settings, [plain, normalized]).filter(({ id }) => ids.includes(id));
  }

  async #runner(): Promise<Runner> {
    const settings: Settings = this.#results.settings;
    if (this.#ranks.reducer) {
      // Only here: it loads TensorFlow.js, which is an optional peer.
      const { Lockstep } = await import('./lockstep.js');
      return new Lockstep(this.#data, settings, this.#ranks);
    }
    const { data, backend } = this.#options;
    const task = { settings, ...(data !== undefined && { data }), ...(backend !== undefined && { backend }) };
    return new Pool(task, this.#workers);
  }

  #listener(progress: Progress, interrupted: Listener['interrupted']): Listener {
    return {
      ready: (host) => {
        this.#results = { ...this.#results, host };
      },
      progress: progress.at,
      done: (job: Job, result: Result) => {
        this.#keep(result);
        progress.done(job);
      },
      interrupted,
    };
  }

  #keep(result: Result): void {
    this.#runs[result.id] = result;
    if (!this.#ranks.isFirst || performance.now() - this.#saved < SAVING) return;
    // What cannot be written now is kept, and may be written the next time.
    caught(() => saveResults(this.#options.out, this.results));
    this.#saved = performance.now();
  }

  /** Writes report and data: where they were wanted or else, with the failure, among the temporary files. */
  async write(): Promise<Written> {
    // Only here: drawing takes half a second to load, and nothing else needs it.
    const { renderReport } = await import('../report/page.js');
    const writeTo = (report: string) => {
      saveResults(report, this.results);
      writeWhole(report, renderReport(this.results, report, this.#options.live));
    };
    const { out } = this.#options;
    const failure = caught(() => writeTo(out));
    if (failure === null) return { report: out, failure };
    const refuge = join(mkdtempSync(join(tmpdir(), 'batchnorm-')), basename(out));
    if (caught(() => writeTo(refuge)) !== null) throw failure;
    return { report: refuge, failure: new Failure(`${failure.message}; the report is ${refuge} instead`) };
  }
}

/** What the user can mend; any other error is thrown on. */
function caught(write: () => void): Failure | null {
  try {
    write();
    return null;
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
}

function describeSession(options: TrainOptions, data: Dataset, ranks: Ranks): Omit<Results, 'runs'> {
  const { steps, batch, learningRate, seed, quick } = options;
  const description = `${data.name}: ${count(data.train.count)} to learn from, ${count(data.test.count)} held out`;
  return {
    format: 'batchnorm-report/1',
    date: new Date().toISOString(),
    settings: { steps, batch, learningRate, seed, quick },
    data: { description, division: data.division, attribution: data.attribution },
    backend: describeBackend(backend(), ranks),
    host: 'TensorFlow.js',
    machine: describeMachine(),
  };
}
