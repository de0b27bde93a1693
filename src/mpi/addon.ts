/** The addon that is linked to the user's MPI: native/mpi. */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { isMainThread } from 'node:worker_threads';
import { environmentError } from '../arguments/errors.js';
import { buildCommand, bundled } from '../backends/native/advice.js';
import { packageRoot } from '../backends/package-root.js';

export interface Addon {
  /** Name and version of the MPI library. */
  library(): string;
  /** Starts MPI where nobody has; later calls give the same. */
  join(): Job;
  /** received ← what every rank has sent, in order of rank; blocks until all have come. */
  allgather(sent: Float64Array, received: Float64Array): void;
  /**
   * received ← what every rank has sent to this one, in order of rank; `sent` has as many numbers for each. Blocks
   * until all have come.
   */
  alltoall(sent: Float64Array, received: Float64Array): void;
  /**
   * Like `allgather`, polled. null, or after `timeout` ms the ranks that are not at an exchange (none, where all are
   * and what they send does not come); then only `abort` may be called.
   */
  meet(sent: Float64Array, received: Float64Array, timeout: number): number[] | null;
  /** Waits for all ranks. */
  finalize(): void;
  /** Ends every process of the job, this one too. */
  abort(code: number): never;
}

export interface Job {
  readonly rank: number;
  readonly size: number;
  /** Name and version of the MPI library. */
  readonly library: string;
}

const ADDON = 'native/mpi/build/Release/batchnorm_mpi.node';

function howToBuild(root: string): string {
  const install =
    'install MPI with its compiler wrapper mpicc (Debian and Ubuntu: apt-get install libopenmpi-dev openmpi-bin)';
  return `To build it: ${install}, then: ${buildCommand(root, 'mpi')}.`;
}

let addon: Addon | undefined;

/**
 * Name and version of the MPI library that the addon is linked to, such as 'Open MPI v4.1.4'. Joins no job.
 *
 * @returns the text that MPI gives for its library
 *
 * @throws Error with code ERR_BATCHNORM_MPI where there is no addon, or it does not load; it says what to do
 * @example
 * // Needs MPI.
 * import { mpiLibrary } from 'batchnorm/mpi';
 * console.log(typeof mpiLibrary()); // → string
 */
export function mpiLibrary(): string {
  return loadAddon().library();
}

/** @throws Error with code ERR_BATCHNORM_MPI where there is none */
export function loadAddon(): Addon {
  addon ??= load();
  return addon;
}

function load(): Addon {
  if (!isMainThread)
    throw mpiError('MpiReducer belongs to the main thread of a process; between threads use ThreadReducer.');
  const root = packageRoot();
  if (root === undefined) throw mpiError(bundled());
  const file = join(root, ADDON);
  try {
    return createRequire(file)(file) as Addon;
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === 'MODULE_NOT_FOUND') throw mpiError(`the addon for MPI has not been built. ${howToBuild(root)}`);
    throw mpiError(`the addon for MPI was built but does not load (${message}). ${howToBuild(root)}`, cause);
  }
}

export function mpiError(message: string, cause?: unknown): Error {
  return environmentError('ERR_BATCHNORM_MPI', message, cause);
}
