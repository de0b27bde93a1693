/** This process as a rank: when it joins the job, and how it leaves. */
import { writeSync } from 'node:fs';
import { inspect } from 'node:util';
import { type Addon, type Job, loadAddon, mpiError } from './addon.js';
import { checkLauncher } from './launcher.js';

export interface Session extends Job {
  readonly addon: Addon;
  /** An exchange has been given up: MPI is still at it, so that this process can only be aborted. */
  isBroken: boolean;
}

let session: Session | undefined;
let uncaught: { readonly error: unknown } | undefined;

/**
 * Joins the job, once.
 *
 * @param agreeToEnd what to do before a good end, when all ranks are to be at theirs
 * @throws Error with code ERR_BATCHNORM_MPI where MPI does not start, or finds one rank where the launcher has started
 *   more
 */
export function joinSession(agreeToEnd: (session: Session) => void): Session {
  session ??= start(agreeToEnd);
  checkLauncher(session);
  return session;
}

function start(agreeToEnd: (session: Session) => void): Session {
  calling('setting UCX_MEM_EVENTS', leaveMemoryAlone);
  const addon = loadAddon();
  const joined: Session = { ...calling('joining the job', () => addon.join()), addon, isBroken: false };
  process.on('uncaughtExceptionMonitor', (error) => {
    uncaught = { error };
  });
  process.on('exit', (code) => leave(joined, code, agreeToEnd));
  return joined;
}

/**
 * UCX, through which MPICH sends, rewrites the machine code of mmap and brk when it starts, to hear of memory that
 * goes. Node's threads are within them at that time: one job in twenty-five died of it. The price is that RDMA
 * registers memory each time. It looks for this variable when it is loaded, with the addon.
 */
function leaveMemoryAlone(): void {
  process.env['UCX_MEM_EVENTS'] ??= 'no';
}

/** Errors of MPI with a code. */
export function calling<R>(what: string, run: () => R): R {
  try {
    return run();
  } catch (cause) {
    throw mpiError(`${what} failed: ${(cause as Error).message}`, cause);
  }
}

/**
 * Leaves the job in a good end. In a bad one it ends the job, in which the others would wait for this rank; a job of
 * one has nobody to end.
 */
function leave(joined: Session, code: number, agreeToEnd: (session: Session) => void): void {
  const { addon, size } = joined;
  if (size > 1 && (code !== 0 || joined.isBroken)) {
    // Node would print it after this.
    if (uncaught !== undefined && process.listenerCount('uncaughtException') === 0) report(joined, uncaught.error);
    addon.abort(code || 1);
  }
  try {
    if (size > 1) agreeToEnd(joined);
    addon.finalize();
  } catch (error) {
    report(joined, error);
    addon.abort(1);
  }
}

/** How long the launcher has to read what a rank says last. */
const READ_MS = 100;

function report({ rank, size }: Job, error: unknown): void {
  try {
    writeSync(2, `batchnorm: rank ${rank} of ${size} ends the job: ${inspect(error)}\n`);
    // MPICH's launcher stops reading when a rank aborts, and what it has not read by then nobody sees.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, READ_MS);
  } catch {
    // Nobody reads it any more.
  }
}
