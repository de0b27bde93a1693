/**
 * `npm run bench:tfjs`: TensorFlow.js with its own batch normalization and with ours, first checked, then timed in
 * turns: one layer by itself, and whole training steps.
 */
import { availableParallelism, cpus } from 'node:os';
import { backend } from 'batchnorm';
import Table from 'cli-table3';
import { Command, InvalidArgumentError } from 'commander';
import { median, significant } from '#demo/kit/statistics.js';
import { milliseconds, times } from '../format.js';
import { runRounds, Stopwatch } from '../rounds.js';
import type { Timing } from '../row.js';
import type { Case, Entry } from './case.js';
import { type HostName, LAYERS, type LayerName, tf, use } from './host.js';
import { layerStep } from './layer-step.js';
import { cnnStep, denseStep } from './network-step.js';

const CASES: readonly Case[] = [layerStep, cnnStep, denseStep];
/** Steps that are checked; they also compile and touch memory. */
const TRIAL_STEPS = 2;
/** Slower cases are tried once. */
const SLOW = 1;

interface Row {
  readonly case: string;
  readonly tfjs: `tfjs-${HostName}`;
  readonly layer: LayerName;
  readonly ms_median: number;
  readonly ms_min: number;
  readonly reps: number;
}

const { cases, rounds, json } = parse(process.argv.slice(2));
const rows: Row[] = [];
for (const one of cases) for (const host of one.hosts) rows.push(...(await measure(one, host)));
if (json) for (const row of rows) console.log(JSON.stringify(row));
else show();

function parse(argv: string[]) {
  const names = CASES.map(({ name }) => name);
  const program = new Command('npm run bench:tfjs --')
    .description('Times TensorFlow.js with its own batch normalization and with this one.')
    .option('--cases <names>', `some of ${names}`, (text) => text.split(',').map(findCase), CASES)
    .option('--rounds <n>', 'how often each has its turn; what takes long has three', countRounds, 10)
    .option('--json', 'print lines of JSON, and nothing else');
  return program.parse(argv, { from: 'user' }).opts<{ cases: readonly Case[]; rounds: number; json?: true }>();
}

function findCase(name: string): Case {
  const found = CASES.find((one) => one.name === name);
  if (found === undefined) throw new InvalidArgumentError(`Unknown: ${name}.`);
  return found;
}

function countRounds(text: string): number {
  if (/^[1-9]\d{0,3}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('Expected a whole number from 1 to 9999.');
}

/** Both layers in one case on one backend of TensorFlow.js. */
async function measure(one: Case, host: HostName): Promise<Row[]> {
  await use(host);
  const entries = LAYERS.map((layer) => ({ layer, entry: one.open(layer) }));
  const entrants: { layer: LayerName; watch: Stopwatch }[] = [];
  for (const { layer, entry } of entries) {
    if (!json) console.error(`${one.name}, tfjs-${host}, ${layer}`);
    const seconds = await tryOut(entry);
    const wrong = entry.check();
    if (wrong === null) {
      const opened = { ...entry, outputs: async () => ({}), close: async () => {} };
      entrants.push({ layer, watch: new Stopwatch(layer, opened, seconds) });
    } else {
      console.error(`INVALID: ${one.name}, tfjs-${host}, ${layer}: ${wrong}; not timed`);
      process.exitCode = 1;
    }
  }
  const timings = await runRounds(
    entrants.map(({ watch }) => watch),
    rounds,
  );
  for (const { entry } of entries) entry.close();
  return entrants.map(({ layer }, index) => makeRow(one, host, layer, timings[index]));
}

/** Seconds of the last step. */
async function tryOut(entry: Entry): Promise<number> {
  let seconds = 0;
  for (let step = 0; step < TRIAL_STEPS && seconds < SLOW; step++) {
    const start = performance.now();
    await entry.call();
    seconds = (performance.now() - start) / 1e3;
  }
  return seconds;
}

function makeRow(one: Case, host: HostName, layer: LayerName, { samples, calls }: Timing): Row {
  return {
    case: one.name,
    tfjs: `tfjs-${host}`,
    layer,
    ms_median: significant(median(samples) * 1e3, 4),
    ms_min: significant(Math.min(...samples) * 1e3, 4),
    reps: calls,
  };
}

function show(): void {
  const table = new Table({
    head: ['TensorFlow.js', 'batch normalization', 'ms', 'least', 'as fast'],
    colAligns: ['left', 'left', 'right', 'right', 'right'],
    style: { head: [], border: [], compact: true },
  });
  for (const { name, title } of cases) {
    table.push([{ content: title, colSpan: 5 }]);
    for (const row of rows.filter((each) => each.case === name)) {
      const own = rows.find((each) => each.case === name && each.tfjs === row.tfjs && each.layer === 'tf.layers');
      const ratio = own === undefined || own === row ? '' : times(own.ms_median / row.ms_median);
      table.push([row.tfjs, row.layer, milliseconds(row.ms_median), milliseconds(row.ms_min), ratio]);
    }
  }
  const { name, isa, threads } = backend();
  console.log(`${cpus()[0]?.model.trim()}, ${availableParallelism()} processors, Node.js ${process.version}`);
  console.log(`TensorFlow.js ${tf.version_core}; batchnorm: ${name}, ${isa}, ${threads} threads\n${table}`);
}
