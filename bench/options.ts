/** The command line of the benchmark. */

import type { Summation } from 'batchnorm';
import { Command, InvalidArgumentError } from 'commander';
import { availableThreads } from '#dist/backends/threads.js';
import {
  DTYPES,
  type ElementType,
  OPERATIONS,
  type Operation,
  SHAPES,
  type ShapeName,
  WHOLE_OPERATIONS,
} from './shapes.js';

export interface Options {
  readonly shapes: readonly ShapeName[];
  readonly ops: readonly Operation[];
  readonly threads: readonly number[];
  /** 'native', 'native/avx2', … */
  readonly backends: readonly string[];
  readonly peers: readonly Peer[];
  /** How ours sums: with both, the exact one is held against the ordered one. */
  readonly summation: readonly Summation[];
  /** Types of elements of ours: what has 16 bits is held against float32, where that is among them. */
  readonly dtypes: readonly ElementType[];
  readonly alloc: boolean;
  readonly layer: boolean;
  readonly rounds: number;
  readonly json: boolean;
  readonly out: string;
}

const PEERS = ['tfjs-wasm', 'tfjs-cpu', 'ort-node'] as const;
export type Peer = (typeof PEERS)[number];
const SUMMATIONS = ['ordered', 'exact'] as const satisfies readonly Summation[];
const BACKENDS = ['native', 'wasm', 'reference'];
const SHAPE_NAMES = Object.keys(SHAPES) as ShapeName[];

/** Default options. */
const DEFAULTS = {
  ops: [...WHOLE_OPERATIONS] as Operation[],
  backends: BACKENDS,
  summation: ['ordered'] as Summation[],
  dtypes: ['float32'] as ElementType[],
  alloc: false,
  layer: false,
  json: false,
  out: 'bench-report.html',
};
const FULL = { shapes: SHAPE_NAMES, peers: [...PEERS], rounds: 12 };
const QUICK = { shapes: ['B', 'E', 'F'] as ShapeName[], peers: ['tfjs-wasm', 'ort-node'] as Peer[], rounds: 3 };

export function parseOptions(argv: readonly string[]): Options {
  const program = new Command('batchnorm bench')
    .description('Validates batch normalization against an oracle, and times it beside other libraries and the memory.')
    .option('--shapes <names>', `some of ${SHAPE_NAMES} (default: all)`, list(SHAPE_NAMES))
    .option('--ops <names>', `some of ${OPERATIONS} (default: ${WHOLE_OPERATIONS})`, list(OPERATIONS))
    .option('--threads <counts>', 'each in a process of its own (default: 1, and 2 where the machine has them)', counts)
    .option('--backends <names>', `some of ${BACKENDS} (default: all); one instruction set: native/avx2`, backends)
    .option('--peers <names>', `some of ${PEERS} (default: all), or none`, peers)
    .option(
      '--summation <ways>',
      `some of ${SUMMATIONS}: how ours sums (default: ${DEFAULTS.summation})`,
      list(SUMMATIONS),
    )
    .option('--dtypes <types>', `some of ${DTYPES}: elements of ours (default: ${DEFAULTS.dtypes})`, list(DTYPES))
    .option('--yes', 'install what it needs, in a folder of its own, without asking')
    .option('--alloc', 'time calls that make new arrays for their results, too')
    .option('--layer', 'time the class BatchNorm, too')
    .option('--rounds <n>', `how often every contender of a case has its turn (default: ${FULL.rounds})`, count)
    .option('--json', 'on standard output, print a line of JSON for each case and contender, and nothing else')
    .option('--quick', `unless given: shapes ${QUICK.shapes}, peers ${QUICK.peers}, ${QUICK.rounds} rounds`)
    .option('--out <file>', `where the report goes, and beside it the numbers as .json (default: ${DEFAULTS.out})`);
  const { quick, ...given } = program.parse([...argv], { from: 'user' }).opts<Partial<Options> & { quick?: true }>();
  return { ...DEFAULTS, threads: defaultThreads(), ...(quick ? QUICK : FULL), ...given };
}

/** 1 and 2, as far as the machine has them. */
function defaultThreads(): number[] {
  return availableThreads() >= 2 ? [1, 2] : [1];
}

function list<Name extends string>(known: readonly Name[]): (text: string) => Name[] {
  return (text) => {
    const names = text.split(',') as Name[];
    const unknown = names.filter((name) => !known.includes(name));
    if (unknown.length > 0) throw new InvalidArgumentError(`Unknown: ${unknown}. Known are ${known}.`);
    return [...new Set(names)];
  };
}

function peers(text: string): Peer[] {
  return text === 'none' ? [] : list(PEERS)(text);
}

function count(text: string): number {
  if (/^[1-9]\d{0,3}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('Expected a whole number from 1 to 9999.');
}

/**
 * The memory limit spins on every thread: more of them than processors would wait for each other for ever. A quota of
 * processor time counts, too.
 */
function counts(text: string): number[] {
  const values = [...new Set(text.split(',').map(count))];
  const most = availableThreads();
  if (values.some((value) => value > most)) throw new InvalidArgumentError(`This process has ${most} processors.`);
  return values;
}

function backends(text: string): string[] {
  const names = text.split(',');
  const unknown = names.filter((name) => !BACKENDS.includes(name.split('/')[0]));
  if (unknown.length > 0) throw new InvalidArgumentError(`Unknown: ${unknown}. Known are ${BACKENDS}.`);
  return [...new Set(names)];
}
