/** `batchnorm train`: the whole course of it. Everything that may be wrong is checked before training begins. */
import { availableParallelism, cpus, release, type } from 'node:os';
import { type BackendName, backend, useBackend } from '../index.js';
import type { Dataset } from './data/dataset.js';
import { loadDigits } from './data/digits.js';
import { loadIdx } from './data/idx.js';
import { Failure } from './failure.js';
import { drawFigures } from './figure.js';
import { typicalUnit } from './measure.js';
import { type Host, loadHost } from './network.js';
import { checkWritable, writeWhole } from './output-file.js';
import { requirePeers } from './peers.js';
import { renderReport } from './report.js';
import { count, summarize } from './summary.js';
import { formatTable, showProgress } from './terminal.js';
import { type Run, type Settings, train } from './training.js';

export interface TrainOptions extends Settings {
  /** A folder with IDX files; the embedded digits where it is missing. */
  readonly data?: string;
  /** The library's backend; its own choice where it is missing. */
  readonly backend?: BackendName | 'auto';
  /** The report. */
  readonly out: string;
}

export async function runTrain(options: TrainOptions): Promise<void> {
  checkWritable(options.out);
  const data = options.data === undefined ? loadDigits() : loadIdx(options.data);
  if (options.batch > data.train.count) {
    throw new Failure(`--batch ${options.batch}: expected at most ${data.train.count}, the number of training images`);
  }
  if (options.backend !== undefined) useBackend(options.backend);
  await requirePeers();
  const host = await loadHost();
  console.log(introduce(data, options, host));
  const plain = await trainShown(host, data, false, options);
  const normalized = await trainShown(host, data, true, options);
  const summary = summarize(plain, normalized);
  console.log(`\n${await formatTable(summary)}`);
  const unit = typicalUnit([plain.measurements, normalized.measurements]);
  const figures = await drawFigures(plain, normalized, unit);
  const surroundings = { backend: describeBackend(), host: host.description, machine: describeMachine() };
  writeWhole(options.out, renderReport({ data, settings: options, summary, figures, unit, ...surroundings }));
  console.log(`\nReport with figures: ${options.out}`);
}

async function trainShown(host: Host, data: Dataset, normalized: boolean, settings: Settings): Promise<Run> {
  const progress = await showProgress(normalized ? 'with BN' : 'without BN', settings.steps);
  try {
    return train(host, data, normalized, settings, progress.update);
  } finally {
    progress.stop();
  }
}

function introduce(data: Dataset, { steps, batch, learningRate, seed }: Settings, host: Host): string {
  return `Batch normalization: ${describeBackend()}
Everything else:     ${host.description}
Data:                ${data.name}; ${count(data.train.count)} to learn from, ${count(data.test.count)} held out
Training:            ${count(steps)} steps, minibatches of ${batch}, learning rate ${learningRate}, seed ${seed}
`;
}

function describeBackend(): string {
  const { name, isa, threads } = backend();
  return `batchnorm, backend ${name} (${isa}, ${threads === 1 ? '1 thread' : `${threads} threads`})`;
}

function describeMachine(): string {
  const model = cpus()[0]?.model.trim() || process.arch;
  return `${model}, ${availableParallelism()} cores, ${type()} ${release()} (${process.arch}), Node.js ${process.version}`;
}
