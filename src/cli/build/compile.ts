/** Runs a program for minutes: its progress is shown, its time is limited, and it ends with all that it has started. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { constants } from 'node:os';
import { environment } from '../../backends/host.js';
import { causeOf } from './causes.js';
import type { Progress } from './progress.js';

export interface Command {
  /** Node.js */
  readonly program: string;
  readonly args: readonly string[];
  readonly folder: string;
  /** Where compilers leave theirs when they are ended. */
  readonly temporary: string;
  readonly milliseconds: number;
}

/** Why it failed, in a clause, and all that it printed; or null. */
export type Failed = { readonly reason: string; readonly said: string } | null;

const PNP = /(--require|--experimental-loader) ("[^"]*\.pnp\.[^"]*"|\S*\.pnp\.\S*)/g;

/** A signal ends it and, after `cleanUp`, this process. */
export async function compile(command: Command, progress: Progress, cleanUp: () => void): Promise<Failed> {
  const { program, args, folder, temporary, milliseconds } = command;
  const { pnp, NODE_OPTIONS } = optionsOfNode();
  const child = spawn(program, [...pnp, ...args], {
    cwd: folder,
    detached: process.platform !== 'win32', // a group of its own, which can be ended whole
    env: { JOBS: 'max', ...process.env, NODE_OPTIONS, TMPDIR: temporary, TEMP: temporary, TMP: temporary },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      for (const line of text.split('\n')) progress.read(line);
    });
  }
  const forget = onSignals((signal) => {
    endAll(child);
    progress.end();
    cleanUp();
    process.exit(128 + constants.signals[signal]);
  });
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    endAll(child);
  }, milliseconds);
  const status = await exitOf(child);
  clearTimeout(timer);
  forget();
  progress.end();
  if (status === 0) return null;
  if (isLate) {
    return {
      reason: `it took more than ${milliseconds / 1000} s (--timeout); the last step was ${progress.step}`,
      said,
    };
  }
  return { reason: typeof status === 'string' ? status : causeOf(said), said };
}

/**
 * Yarn's Plug'n'Play, which Yarn puts into NODE_OPTIONS, is for node-gyp, which may be in an archive. It is not for
 * what node-gyp starts: that loads modules of the temporary folder, which Yarn does not know and therefore forbids.
 */
function optionsOfNode(): { pnp: string[]; NODE_OPTIONS: string } {
  const pnp: string[] = [];
  const given = environment('NODE_OPTIONS') ?? '';
  const NODE_OPTIONS = given.replace(PNP, (_, name: string, file: string) => {
    pnp.push(name, file.replaceAll('"', ''));
    return '';
  });
  return { pnp, NODE_OPTIONS };
}

/** The exit code, or what went wrong before it ran. */
function exitOf(child: ChildProcess): Promise<number | string | null> {
  return new Promise((resolve) => {
    child.on('error', (error) => resolve(error.message));
    child.on('close', (code) => resolve(code));
  });
}

function endAll({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  if (process.platform === 'win32') {
    spawnSync('taskkill', ['/pid', String(pid), '/T', '/F']);
    return;
  }
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // it has ended
  }
}

/** @returns what stops listening */
function onSignals(act: (signal: NodeJS.Signals) => void): () => void {
  const signals: NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  for (const signal of signals) process.on(signal, act);
  return () => {
    for (const signal of signals) process.off(signal, act);
  };
}
