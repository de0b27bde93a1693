/** The command line of the benchmark. */
import { availableParallelism } from 'node:os';
import { Command, InvalidArgumentError } from 'commander';
import { OPERATIONS, type Operation, SHAPES, type ShapeName } from './shapes.js';

export interface Options {
  readonly shapes: readonly ShapeName[];
  readonly ops: readonly Operation[];
  readonly threads: readonly number[];
  /** 'native', 'native/avx2', … */
  readonly backends: readonly string[];
  readonly peers: readonly Peer[];
  readonly alloc: boolean;
  readonly layer: boolean;
  readonly rounds: number;
  readonly json: boolean;
  readonly out: string;
}

const PEERS = ['tfjs-wasm', 'tfjs-cpu', 'ort-node'] as const;
export type Peer = (typeof PEERS)[number];
const BACKENDS = ['native', 'wasm', 'reference'];
const SHAPE_NAMES = Object.keys(SHAPES) as ShapeName[];

/** What --quick puts in the place of what is not given. */
const QUICK = { shapes: ['B', 'E', 'F'] as ShapeName[], peers: ['tfjs-wasm', 'ort-node'] as Peer[], rounds: 3 };
const FULL = { shapes: SHAPE_NAMES, peers: [...PEERS], rounds: 12 };

export function parseOptions(argv: readonly string[]): Options {
  const program = new Command('bench')
    .description('Validates batch normalization against an oracle, and times it beside other libraries and the memory.')
    .option('--shapes <names>', `some of ${SHAPE_NAMES}`, list(SHAPE_NAMES))
    .option('--ops <names>', `some of ${OPERATIONS}`, list(OPERATIONS), [...OPERATIONS])
    .option('--threads <counts>', 'thread counts, each in a process of its own', counts, defaultThreads())
    .option('--backends <names>', 'native, wasm, reference; with an instruction set: native/avx2', backends, BACKENDS)
    .option('--peers <names>', `some of ${PEERS}, or none`, (text) => (text === 'none' ? [] : list(PEERS)(text)))
    .option('--alloc', 'time calls that make new arrays for their results, too', false)
    .option('--layer', 'time the class BatchNorm, too, which keeps running statistics', false)
    .option('--rounds <n>', 'how often every contender of a case has its turn', count)
    .option('--json', 'print a line of JSON for each case and contender, and nothing else, on standard output', false)
    .option('--quick', `shapes ${QUICK.shapes}, ${QUICK.rounds} rounds, without tfjs-cpu`, false)
    .option('--out <file>', 'where the report goes; the numbers go beside it, as .json', 'bench-report.html');
  const { quick, ...given } = program.parse([...argv], { from: 'user' }).opts<Partial<Options> & { quick: boolean }>();
  return { ...(quick ? QUICK : FULL), ...given } as Options;
}

/** 1 and 2, as far as the machine has them. */
function defaultThreads(): number[] {
  return availableParallelism() >= 2 ? [1, 2] : [1];
}

function list<Name extends string>(known: readonly Name[]): (text: string) => Name[] {
  return (text) => {
    const names = text.split(',') as Name[];
    const unknown = names.filter((name) => !known.includes(name));
    if (unknown.length > 0) throw new InvalidArgumentError(`Unknown: ${unknown}. Known are ${known}.`);
    return [...new Set(names)];
  };
}

function count(text: string): number {
  if (/^[1-9]\d{0,3}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('Expected a whole number from 1 to 9999.');
}

/** The memory limit spins on every thread: more of them than processors would wait for each other for ever. */
function counts(text: string): number[] {
  const values = [...new Set(text.split(',').map(count))];
  const most = availableParallelism();
  if (values.some((value) => value > most)) throw new InvalidArgumentError(`This machine has ${most} processors.`);
  return values;
}

function backends(text: string): string[] {
  const names = text.split(',');
  const unknown = names.filter((name) => !BACKENDS.includes(name.split('/')[0]!));
  if (unknown.length > 0) throw new InvalidArgumentError(`Unknown: ${unknown}. Known are ${BACKENDS}.`);
  return [...new Set(names)];
}
