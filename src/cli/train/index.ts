/** `batchnorm train`: the whole course of it. Everything that may be wrong is checked before training begins. */
import { backend, useBackend } from '../../index.js';
import type { Dataset } from '../data/dataset.js';
import { loadDigits } from '../data/digits.js';
import { loadIdx } from '../data/idx.js';
import { Failure } from '../failure.js';
import { checkWritable, writeWhole } from '../output-file.js';
import { requirePeers } from '../peers.js';
import { pairOf } from '../report/learning.js';
import { renderReport } from '../report/page.js';
import { summarize } from '../report/summary.js';
import { count } from '../report/text.js';
import { formatTable } from '../terminal.js';
import { describeBackend, describeMachine } from './describe.js';
import { exitCodeOf, onInterruption } from './interruption.js';
import { Pool } from './pool.js';
import { showProgress } from './progress.js';
import { dataFileOf, formatResults, loadRuns, type Result, type Results, saveResults } from './results.js';
import { type Job, planOf, type Settings, type TrainOptions } from './settings.js';

/** Results are saved on the way, but not more often. Milliseconds. */
const SAVING = 3000;

export async function runTrain(options: TrainOptions): Promise<void> {
  for (const file of [options.out, dataFileOf(options.out)]) checkWritable(file);
  const data = options.data === undefined ? loadDigits() : loadIdx(options.data);
  if (options.batch > data.train.count) {
    throw new Failure(`--batch ${options.batch}: expected at most ${data.train.count}, the number of training images`);
  }
  if (options.backend !== undefined) useBackend(options.backend);
  requirePeers('train');
  const session = new Session(options, data);
  const say = (text: string) => options.json || console.log(text);
  say(session.introduction());
  const signal = await session.work();
  await session.write();
  const { results } = session;
  if (options.json) process.stdout.write(formatResults(results));
  const pair = pairOf(results);
  if (pair) say(`\n${await formatTable(summarize(...pair))}`);
  say(`\nReport: ${options.out}\nNumbers: ${dataFileOf(options.out)}`);
  if (signal !== null) {
    const all = planOf(results.settings).length;
    console.error(
      `batchnorm: interrupted after ${Object.keys(results.runs).length} of ${all} runs; the report has what is there. ` +
        'The same command with --resume goes on.',
    );
    process.exitCode = exitCodeOf(signal);
  }
}

/** One run of the command: what is asked for, and what is there. */
class Session {
  readonly #options: TrainOptions;
  readonly #runs: Record<string, Result>;
  #results: Omit<Results, 'runs'>;
  #saved = performance.now();

  constructor(options: TrainOptions, data: Dataset) {
    const { steps, batch, learningRate, seed, quick } = options;
    const description = `${data.name}: ${count(data.train.count)} to learn from, ${count(data.test.count)} held out`;
    const settings = { steps, batch, learningRate, seed, quick };
    this.#options = options;
    this.#results = {
      format: 'batchnorm-report/1',
      date: new Date().toISOString(),
      settings,
      data: { description, division: data.division, attribution: data.attribution },
      backend: describeBackend(backend()),
      host: 'TensorFlow.js',
      machine: describeMachine(),
    };
    const earlier = options.resume ? loadRuns(options.out, this.#results) : null;
    if (earlier) this.#results = { ...this.#results, host: earlier.host };
    this.#runs = { ...earlier?.runs };
  }

  get results(): Results {
    return { ...this.#results, runs: this.#runs };
  }

  introduction(): string {
    const { settings, data, backend } = this.#results;
    const { steps, batch, learningRate, seed } = settings;
    const there = Object.keys(this.#runs).length;
    return `Batch normalization: ${backend}
Everything else:     TensorFlow.js; ${count(this.#options.workers)} ${this.#options.workers === 1 ? 'network' : 'networks'} at a time
Data:                ${data.description}
Training:            ${count(steps)} steps, minibatches of ${batch}, learning rate ${learningRate}, seed ${seed}
Runs:                ${count(planOf(settings).length)}${this.#options.resume ? `, of which ${count(there)} are there` : ''}
`;
  }

  /** Runs what is missing; the signal that interrupted it, or null. */
  async work() {
    const jobs = planOf(this.#results.settings).filter(({ id }) => !(id in this.#runs));
    if (jobs.length === 0) return null;
    const { data, backend, workers } = this.#options;
    const settings: Settings = this.#results.settings;
    const pool = new Pool(
      { settings, ...(data !== undefined && { data }), ...(backend !== undefined && { backend }) },
      workers,
    );
    const progress = await showProgress(jobs);
    const interruption = onInterruption(() => void pool.stop());
    const listener = {
      ready: ({ host }: { host: string }) => {
        this.#results = { ...this.#results, host };
      },
      progress: progress.at,
      done: (job: Job, result: Result) => {
        this.#keep(result);
        progress.done(job);
      },
    };
    try {
      // What is timed runs alone.
      await pool.run(
        jobs.filter(({ kind }) => kind === 'training'),
        listener,
      );
      if (interruption.signal === null)
        await pool.run(
          jobs.filter(({ kind }) => kind === 'cost'),
          listener,
        );
      return interruption.signal;
    } finally {
      progress.stop();
      await pool.stop();
      interruption.release();
    }
  }

  #keep(result: Result): void {
    this.#runs[result.id] = result;
    if (performance.now() - this.#saved < SAVING) return;
    saveResults(this.#options.out, this.results);
    this.#saved = performance.now();
  }

  async write(): Promise<void> {
    saveResults(this.#options.out, this.results);
    writeWhole(this.#options.out, await renderReport(this.results, this.#options.out));
  }
}
