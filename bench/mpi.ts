/**
 * What synchronising over MPI costs: `npm run bench:mpi`. Starts itself under mpirun for every number of ranks,
 * through shared memory and through TCP; docs/distributed.md explains the columns. Times are medians of rounds, of
 * the slowest rank.
 */
import { spawnSync } from 'node:child_process';
import { availableParallelism, cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { BatchNorm, type Reducer, sumRanks } from 'batchnorm';
import { MpiReducer } from 'batchnorm/mpi';
import Table from 'cli-table3';
import { median } from '#demo/kit/statistics.js';

const ROUNDS = 15;
const CHANNELS = [16, 64, 128, 256, 1024, 4096];
/** Shapes of a first and a last stage of ResNet-18, at 32 samples: much data per channel, and little. */
const SAMPLES = 32;
const LAYERS = [
  { channels: 64, pixels: 56 * 56 },
  { channels: 512, pixels: 7 * 7 },
];
/** Gradients that are summed: of small networks. */
const SUMS = [100_000, 1_000_000];
const RANKS = [1, 2, 4];
const WAYS: Record<string, readonly string[]> = { memory: [], tcp: ['--mca', 'btl', 'tcp,self'] };

interface Row {
  readonly ranks: number;
  readonly way: string;
  /**
   * 'exchange' of what a forward sends, and a forward and backward of two samples, in µs. Of LAYERS, in ms:
   * 'strong', the samples shared among ranks; 'weak', so many on each; 'plain', the same without synchronising, all
   * ranks at once. 'sum' of so many float32 numbers, in ms; 'sum, gathered', where every rank adds up what all
   * have.
   */
  readonly what: 'exchange' | 'two samples' | 'strong' | 'weak' | 'plain' | 'sum' | 'sum, gathered';
  /** Or numbers, of a sum. */
  readonly channels: number;
  readonly time: number;
}

const [, , mode] = process.argv;
if (mode === 'rank') measure(process.argv[3]);
else start(process.argv.includes('--json'));

function start(json: boolean): void {
  const rows = RANKS.flatMap((ranks) =>
    Object.keys(WAYS).flatMap((way) => (ranks === 1 && way !== 'memory' ? [] : run(ranks, way))),
  );
  if (json) for (const row of rows) console.log(JSON.stringify(row));
  else show(rows);
}

function run(ranks: number, way: string): Row[] {
  const start = ['--oversubscribe', ...WAYS[way], '-n', `${ranks}`];
  const env = {
    ...process.env,
    OMPI_ALLOW_RUN_AS_ROOT: '1',
    OMPI_ALLOW_RUN_AS_ROOT_CONFIRM: '1',
    BATCHNORM_THREADS: '1',
  };
  const command = [...start, process.execPath, fileURLToPath(import.meta.url), 'rank', way];
  const { error, status, stdout, stderr } = spawnSync('mpirun', command, { encoding: 'utf8', env });
  if (error || status !== 0) throw error ?? new Error(stderr);
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Row);
}

/** As one of the ranks. */
function measure(way: string): void {
  const reducer = new MpiReducer();
  const tell = (what: Row['what'], channels: number, time: number) => {
    const row: Row = { ranks: reducer.size, way, what, channels, time };
    if (reducer.rank === 0) console.log(JSON.stringify(row));
  };
  for (const channels of CHANNELS) {
    const message = new Float64Array(1 + 2 * channels);
    const calls = [() => reducer.exchange(message), stepOf(channels, 2, 1, reducer)];
    const [exchange, step] = timed(reducer, calls);
    tell('exchange', channels, 1e3 * exchange);
    tell('two samples', channels, 1e3 * step!);
  }
  for (const { channels, pixels } of LAYERS) {
    const shares = [SAMPLES / reducer.size, SAMPLES, SAMPLES];
    const calls = shares.map((share, i) => stepOf(channels, share, pixels, i === 2 ? undefined : reducer));
    timed(reducer, calls).forEach((time, i) => {
      tell((['strong', 'weak', 'plain'] as const)[i], channels, time);
    });
  }
  const { rank, size } = reducer;
  const gathering: Reducer = { rank, size, exchange: (values, tag) => reducer.exchange(values, tag) };
  for (const length of SUMS) {
    const gradients = [Float32Array.from({ length }, (_, i) => Math.sin(i))];
    const calls = [reducer, gathering].map((one) => () => sumRanks(one, gradients));
    const [divided, gathered] = timed(reducer, calls);
    tell('sum', length, divided!);
    tell('sum, gathered', length, gathered!);
  }
}

/** Forward and backward of a layer. */
function stepOf(channels: number, samples: number, pixels: number, synchronize: Reducer | undefined): () => void {
  const bn = new BatchNorm(channels, { synchronize });
  const x = Float32Array.from({ length: samples * channels * pixels }, (_, i) => Math.sin(i));
  const [out, dx] = [new Float32Array(x.length), new Float32Array(x.length)];
  const shape = [samples, channels, pixels];
  return () => {
    bn.forward(x, shape, { out });
    bn.backward(x, { out: dx });
  };
}

/**
 * Milliseconds of each: the median of rounds in which they take turns. All ranks start a turn together, and it is
 * the slowest that counts.
 */
function timed(reducer: MpiReducer, contenders: readonly (() => unknown)[]): number[] {
  const counts = contenders.map((call) => {
    spent(call, 3);
    const first = slowest(reducer, spent(call, 3) / 3);
    spent(call, Math.min(3000, Math.ceil(200 / first))); // until the engine has compiled it for good
    return Math.max(3, Math.ceil(20 / slowest(reducer, spent(call, 3) / 3)));
  });
  const times: number[][] = contenders.map(() => []);
  for (let round = 0; round < ROUNDS; round++) {
    contenders.forEach((call, i) => {
      times[i].push(slowest(reducer, spent(call, counts[i]) / counts[i]));
    });
  }
  return times.map(median);
}

function spent(call: () => unknown, calls: number): number {
  const start = performance.now();
  for (let k = 0; k < calls; k++) call();
  return performance.now() - start;
}

function slowest(reducer: MpiReducer, time: number): number {
  return Math.max(...reducer.exchange(Float64Array.of(time)).map(([value]) => value!));
}

function show(rows: readonly Row[]): void {
  const columns = RANKS.flatMap((ranks) => Object.keys(WAYS).map((way) => ({ ranks, way }))).filter(({ ranks, way }) =>
    rows.some((row) => row.ranks === ranks && row.way === way),
  );
  const table = new Table({
    head: ['', ...columns.map(({ ranks, way }) => (ranks === 1 ? '1 rank' : `${ranks}, ${way}`))],
    style: { head: [], border: [], compact: true },
  });
  const nameOf = ({ what, channels }: Row) => `${what}, ${channels} ${what.startsWith('sum') ? 'numbers' : 'channels'}`;
  const lines = new Set(rows.map(nameOf));
  for (const line of lines) {
    const unit = /^(exchange|two)/.test(line) ? 'µs' : 'ms';
    const cells = columns.map(({ ranks, way }) => {
      const row = rows.find((one) => nameOf(one) === line && one.ranks === ranks && one.way === way);
      return row === undefined ? '' : row.time.toPrecision(3);
    });
    table.push([`${line}, ${unit}`, ...cells]);
  }
  console.log(`${cpus()[0]?.model}, ${availableParallelism()} processors, one thread a rank\n${table}`);
}
