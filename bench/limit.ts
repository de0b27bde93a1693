/** The memory limit: how long the plainest copies take, over the very arrays of a case, on as many threads. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Problem } from './problem.js';
import type { Entrant } from './rounds.js';
import type { Timing } from './row.js';
import type { Operation } from './shapes.js';

/** bench/native/limit.cc */
interface Addon {
  readonly isa: string;
  run(
    kernel: string,
    y: Float32Array,
    x: Float32Array,
    z: Float32Array,
    threads: number,
    samples: number,
    passes: number,
  ): Float64Array;
}

/** Seen from dist-bench. */
const FOLDER = fileURLToPath(new URL('../bench/native/', import.meta.url));
const FILE = join(FOLDER, 'build', 'Release', 'limit.node');

/** The loops that bound an operation: the floor, and those that read their inputs twice. */
const KERNELS: Record<Operation, readonly string[]> = {
  'fwd-train': ['copy', 'copynt', 'twopass', 'twopassnt'],
  bwd: ['triad', 'triadnt', 'twotriad', 'twotriadnt'],
  inference: ['copy', 'copynt'],
  step: ['copy', 'copynt', 'triad', 'triadnt'],
  statistics: [],
  'gradient-sums': [],
};

/** A floor: everything is moved once. */
export function isFloor(variant: string): boolean {
  return !variant.startsWith('two');
}

/** Builds the addon unless it is there and newer than its sources; null, or why there is none. */
export function buildLimit(): string | null {
  const sources = readdirSync(FOLDER).filter((file) => /\.(cc|h|gyp)$/.test(file));
  const newest = Math.max(...sources.map((file) => statSync(join(FOLDER, file)).mtimeMs));
  if (existsSync(FILE) && statSync(FILE).mtimeMs > newest) return null;
  const gyp = findGyp();
  if (gyp === null) return 'node-gyp was not found; npm has one, and npx batchnorm bench finds it';
  const { status, stdout, stderr } = spawnSync(process.execPath, [gyp, 'rebuild', '-C', FOLDER, ...headers()], {
    encoding: 'utf8',
  });
  return status === 0 ? null : `node-gyp failed: ${`${stdout}${stderr}`.trim().split('\n').slice(-12).join('\n')}`;
}

/** That of the npm which started this, or of a clone, which has one as a dependency. */
export function findGyp(): string | null {
  const ofNpm = process.env['npm_config_node_gyp'];
  if (ofNpm !== undefined && existsSync(ofNpm)) return ofNpm;
  try {
    return createRequire(import.meta.url).resolve('node-gyp/bin/node-gyp.js');
  } catch {
    return null;
  }
}

/** The headers of this very Node.js, where it has them beside it, or node-gyp downloads them. */
function headers(): string[] {
  const root = join(dirname(process.execPath), '..');
  const isThere = existsSync(join(root, 'include', 'node', 'node_api.h'));
  return isThere && process.env['npm_config_nodedir'] === undefined ? [`--nodedir=${root}`] : [];
}

/** A sample is at least so long, and there are so many in a turn. */
const SAMPLE_NS = 2e6;
const SAMPLES = 3;

export class Limit {
  readonly #addon = createRequire(import.meta.url)(FILE) as Addon;
  readonly #threads: number;

  constructor(threads: number) {
    this.#threads = threads;
  }

  get isa(): string {
    return this.#addon.isa;
  }

  /** One for each kernel, to take turns with the contenders, over whose outputs it writes. */
  entrants(problem: Problem, operation: Operation): (Entrant & { readonly variant: string })[] {
    return KERNELS[operation].map((variant) => ({
      variant,
      secondsOfCall: this.#run(problem, variant, 1, 1)[0],
      round: async () => this.#round(problem, variant),
    }));
  }

  #round(problem: Problem, variant: string): Timing {
    const [once] = this.#run(problem, variant, 1, 1);
    const passes = Math.max(1, Math.ceil(SAMPLE_NS / 1e9 / once!));
    const count = passes === 1 ? 1 : SAMPLES;
    return { samples: this.#run(problem, variant, count, passes), calls: count * passes };
  }

  /** Seconds. */
  #run({ x, dy, halves, out }: Problem, variant: string, samples: number, passes: number): number[] {
    const isTriad = variant.includes('triad');
    if (halves !== null) {
      const y = isTriad ? halves.dx : halves.y;
      return this.#timed(variant, asFloats(y), asFloats(halves.x), asFloats(halves.dy), samples, passes);
    }
    return this.#timed(variant, isTriad ? out.dx : out.y, x, dy, samples, passes);
  }

  #timed(
    variant: string,
    y: Float32Array,
    x: Float32Array,
    dy: Float32Array,
    samples: number,
    passes: number,
  ): number[] {
    return [...this.#addon.run(variant, y, x, dy, this.#threads, samples, passes)].map(
      (nanoseconds) => nanoseconds / 1e9,
    );
  }
}

/** The memory of tensors of 16 bits, as the copies see it. Whatever the bits are, they take as long. */
function asFloats({ buffer, length }: Uint16Array): Float32Array {
  return new Float32Array(buffer, 0, Math.floor(length / 2));
}
