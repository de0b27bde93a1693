/** One build at a time in a package: a file that says who is at work. */
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { Failure } from '../failure.js';

interface Holder {
  readonly pid: number;
  readonly host: string;
  /** When it began, and when it has ended for certain: milliseconds since 1970. */
  readonly since: number;
  readonly until: number;
}

/**
 * @param milliseconds - that the work takes at most
 * @returns what unlocks
 * @throws Failure where another build is at work
 */
export function lock(file: string, milliseconds: number): () => void {
  const since = Date.now();
  const own: Holder = { pid: process.pid, host: hostname(), since, until: since + milliseconds };
  for (;;) {
    try {
      writeFileSync(file, JSON.stringify(own), { flag: 'wx' });
      return () => rmSync(file, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      removeStale(file);
    }
  }
}

/** @throws Failure where its holder is at work */
function removeStale(file: string): void {
  const text = textOf(file);
  const holder = parse(text);
  if (holder !== undefined && isAtWork(holder)) throw busy(holder);
  const aside = `${file}.${process.pid}`;
  try {
    renameSync(file, aside);
  } catch {
    return; // somebody else was quicker
  }
  // Between reading and renaming, somebody may have removed the stale one and locked.
  const isAnother = textOf(aside) !== text;
  if (isAnother) linkSync(aside, file);
  rmSync(aside);
}

/** A process of this machine that runs; of another one, until it has ended for certain. */
function isAtWork({ pid, host, until }: Holder): boolean {
  if (Date.now() > until) return false;
  if (host !== hostname()) return true;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function busy({ pid, host, since }: Holder): Failure {
  const start = new Date(since).toISOString().slice(11, 19);
  return new Failure(
    `build: another build is at work here, process ${pid} on ${host} since ${start} UTC; wait until it has ended`,
  );
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

/** undefined where it is none: the process was killed before it had written. */
function parse(text: string): Holder | undefined {
  try {
    const holder = JSON.parse(text) as Holder;
    return Number.isInteger(holder.pid) && Number.isFinite(holder.until) ? holder : undefined;
  } catch {
    return undefined;
  }
}
