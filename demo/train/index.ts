/** `batchnorm train`: the whole course of it. Everything that may be wrong is checked before training begins. */
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { useBackend } from 'batchnorm';
import type { Dataset } from '../data/dataset.js';
import { loadDigits } from '../data/digits.js';
import { loadIdx } from '../data/idx.js';
import { Failure } from '../kit/failure.js';
import { checkWritable, dataFileOf, writeWhole } from '../kit/output-file.js';
import { formatTable } from '../kit/table.js';
import { hasColours, wrap } from '../kit/terminal.js';
import { type Summary, summarize } from '../report/summary.js';
import { formatResults, pairOf } from '../runs/results.js';
import { planOf, type TrainOptions } from '../runs/settings.js';
import { exitCodeOf, type Signal } from './interruption.js';
import { joinRanks, type Ranks } from './ranks.js';
import { Session } from './session.js';

/** Under mpirun every process calls it, and the first one reports. */
export async function runTrain(options: TrainOptions): Promise<void> {
  const ranks = joinRanks();
  const session = await ranks.agree(() => prepare(options, ranks));
  const { fingerprint } = session;
  const first = ranks.fromFirst(fingerprint);
  await ranks.agree(() => checkAlike(fingerprint, first));
  if (ranks.isFirst && !options.json) console.log(session.introduction());
  const signal = await session.work();
  // The others leave after it: a rank that ends by a signal ends the job.
  await ranks.agree(() => (ranks.isFirst ? report(session, options, signal) : undefined));
  if (signal !== null) process.exitCode = exitCodeOf(signal);
}

/** @throws Failure where anything is wrong. */
function prepare(options: TrainOptions, ranks: Ranks): Session {
  if (ranks.isFirst) checkWritable(options.out);
  const data = options.data === undefined ? loadDigits() : loadIdx(options.data);
  checkBatch(options, data, ranks);
  if (ranks.reducer && options.workers !== undefined && options.workers > 1) {
    throw new Failure(`--workers ${options.workers}: expected 1 over MPI, where all ranks train one network at a time`);
  }
  if (options.live !== undefined && ranks.isFirst) writeLive(options.live, options.out);
  if (options.backend !== undefined) useBackend(options.backend);
  return new Session(options, data, ranks);
}

/** At once: it takes no time, and what is wrong with the name is said before training. */
function writeLive(live: string, report: string): void {
  if ([report, dataFileOf(report)].some((path) => resolve(path) === resolve(live))) {
    throw new Failure(`--live ${live}: expected another file than those of the report`);
  }
  const page = new URL('../live.html', import.meta.url);
  if (!existsSync(page)) throw new Failure('--live: the page is not built; npm run build:demo builds it');
  writeWhole(live, readFileSync(page, 'utf8'), '--live');
}

function checkBatch({ batch }: TrainOptions, { train }: Dataset, { size }: Ranks): void {
  if (batch > train.count) {
    throw new Failure(`--batch ${batch}: expected at most ${train.count}, the number of training images`);
  }
  if (batch < size) throw new Failure(`--batch ${batch}: expected at least ${size}, an image for each rank`);
}

/** Ranks that learn different things would mix them without a word. */
function checkAlike(own: readonly number[], first: readonly number[]): void {
  if (own.every((value, i) => value === first[i])) return;
  throw new Failure('expected the options and the data of rank 0, found others; start all ranks by the same command');
}

async function report(session: Session, options: TrainOptions, signal: Signal | null): Promise<void> {
  const written = await session.write();
  const { results } = session;
  if (options.json) {
    process.stdout.write(formatResults(results));
  } else {
    const pair = pairOf(results);
    if (pair) console.log(`\n${table(summarize(...pair))}`);
    console.log(`\nReport: ${written.report}\nNumbers: ${dataFileOf(written.report)}`);
  }
  if (written.failure !== null) throw written.failure;
  if (signal === null) return;
  const runs = `${Object.keys(results.runs).length} of ${planOf(results.settings).length} runs`;
  const next = 'The same command with --resume goes on.';
  const told = `batchnorm: interrupted after ${runs}; the report has what is there. ${next}`;
  console.error(wrap(told, process.stderr.columns || Infinity));
}

function table({ head, accuracy, other }: Summary): string {
  const colours = hasColours();
  return formatTable({ head, rows: [...accuracy, ...other], aligns: ['left', 'right', 'right'], colours });
}
