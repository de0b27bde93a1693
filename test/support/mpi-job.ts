/** Jobs under mpirun: what they are to do, and what their ranks answer. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { deserialize, serialize } from 'node:v8';
import type { BackendName } from 'batchnorm';
import type { ExactCase } from './exact-training.js';
import { ENVIRONMENT, mpirun } from './mpi-launcher.js';
import type { TfjsCase } from './mpi-tfjs.js';
import type { ParallelBatch, ParallelResult } from './parallel-step.js';

export { mpirun, whyNoMpi } from './mpi-launcher.js';

export interface MpiTask {
  /** One of support/mpi-rank.ts; without it, the steps. */
  readonly scene?: string;
  /** Its error is an answer, and not the end of the process. */
  readonly caught?: boolean;
  readonly timeout?: number;
  /** Ends the job with this code, without MPI_Finalize, when all ranks have answered. */
  readonly exitCode?: number;
  readonly backends?: readonly { readonly name: BackendName; readonly isa: string }[];
  /** Of the scene 'tfjs'. */
  readonly cases?: readonly TfjsCase[];
  /** Of the scene 'exact', on each of the backends. */
  readonly exact?: readonly ExactCase[];
  /** For each step the parts of all ranks. */
  readonly batches?: readonly (readonly ParallelBatch[])[];
}

export interface MpiAnswer {
  readonly result?: unknown;
  /** Of each backend. */
  readonly steps?: ParallelResult[][];
  readonly error?: { readonly code?: string | undefined; readonly message: string };
}

export interface MpiEnd {
  readonly code: number | null;
  readonly output: string;
  readonly seconds: number;
  /** By rank; undefined where it came to none. */
  readonly answers: (MpiAnswer | undefined)[];
}

const PROGRAM = fileURLToPath(new URL('mpi-rank.js', import.meta.url));

/**
 * Runs a task.
 *
 * @param start the command before `node`; by default mpirun with so many ranks
 */
export async function runJob(ranks: number, task: MpiTask, start?: readonly string[]): Promise<MpiEnd> {
  const folder = mkdtempSync(join(tmpdir(), 'batchnorm-mpi-'));
  try {
    writeFileSync(join(folder, 'task.bin'), serialize(task));
    const command = [...(start ?? [...mpirun(), '-n', `${ranks}`]), process.execPath, PROGRAM, folder];
    const end = await run(command);
    const answers = Array.from({ length: ranks }, (_, rank) => {
      const file = join(folder, `rank-${rank}.bin`);
      return existsSync(file) ? (deserialize(readFileSync(file)) as MpiAnswer) : undefined;
    });
    return { ...end, answers };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * What hangs is a failure.
 *
 * @param watch called with all output so far, whenever there is more
 */
export function run(
  [command, ...args]: readonly string[],
  watch?: (output: string, child: ChildProcess) => void,
  minutes = 2,
): Promise<Omit<MpiEnd, 'answers'>> {
  const begin = performance.now();
  const child = spawn(command, args, {
    env: ENVIRONMENT,
    timeout: 60_000 * minutes,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      watch?.(output, child);
    });
  }
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, output, seconds: (performance.now() - begin) / 1000 }));
  });
}
