/** A file that is either written whole or not at all. */
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  lstatSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, isAbsolute, join, sep } from 'node:path';
import { Failure } from './failure.js';
import { otherKind } from './regular-file.js';

/** More links in a row go round in a circle. */
const MOST_LINKS = 40;

/** The file of the data, for a report of this name. */
export function dataFileOf(report: string): string {
  return `${report.replace(/\.html?$/i, '')}.json`;
}

/** @throws Failure, before anything is computed, where a report and its data could not be written there afterwards. */
export function checkWritable(report: string): void {
  const targets = [report, dataFileOf(report)].map((path) => {
    const { target, folder } = failing(path, () => targetOf(path));
    try {
      if (!statSync(folder).isDirectory()) throw new Error('it is not a folder');
      const trial = temporaryIn(folder);
      writeFileSync(trial, '', { flag: 'wx' });
      rmSync(trial);
    } catch (cause) {
      const { message } = cause as Error;
      throw new Failure(`--out ${path}: cannot write into the folder ${folder} (${message})`, { cause });
    }
    return join(realpathSync(folder), basename(target));
  });
  if (targets[0] === targets[1])
    throw new Failure(`--out ${report}: is the same file as its data, ${dataFileOf(report)}`);
}

/**
 * Writes beside the file first and renames: nobody ever sees half of it. Where it is a link, what it leads to is
 * written.
 *
 * @param option - The option that named it.
 */
export function writeWhole(path: string, text: string, option = '--out'): void {
  let temporary: string | undefined;
  try {
    const { target, folder, mode } = targetOf(path, option);
    temporary = temporaryIn(folder);
    writeFileSync(temporary, text, { flag: 'wx' });
    if (mode !== undefined) chmodSync(temporary, mode);
    renameSync(temporary, target);
  } catch (cause) {
    if (temporary !== undefined) rmSync(temporary, { force: true });
    if (cause instanceof Failure) throw cause;
    throw new Failure(`${path}: cannot be written (${(cause as Error).message})`, { cause });
  }
}

interface Target {
  /** The file at the end of all links, which need not be there. */
  readonly target: string;
  readonly folder: string;
  /** Who may do what with it, if it is there. */
  readonly mode?: number;
}

/** @throws Failure where it is there, and no regular file: a rename would put one in the place of a device. */
function targetOf(path: string, option = '--out'): Target {
  if (path === '' || path.endsWith('/') || path.endsWith(sep)) {
    throw new Failure(`${option} ${path}: expected the name of a file, found that of a folder`);
  }
  let target = path;
  for (let links = 0; links < MOST_LINKS; links++) {
    const folder = dirname(target);
    const stats = lstatSync(target, { throwIfNoEntry: false });
    if (!stats?.isSymbolicLink()) return { target, folder, ...checked(`${option} ${path}`, stats) };
    const next = readlinkSync(target);
    // Not joined: ".." is the folder above the one that a link leads to, which only the system knows.
    target = isAbsolute(next) ? next : `${folder}/${next}`;
  }
  throw new Failure(`${option} ${path}: expected the name of a file, found links that go round in a circle`);
}

function checked(named: string, stats: Stats | undefined): Pick<Target, 'mode'> {
  if (stats === undefined) return {};
  const kind = otherKind(stats);
  if (kind !== undefined) throw new Failure(`${named}: expected the name of a file, found ${kind}`);
  return { mode: stats.mode & 0o777 };
}

/**
 * A name that nobody guesses, in a folder that others may write into too, and short, whatever the name of the file
 * is.
 */
function temporaryIn(folder: string): string {
  return `${folder}/.batchnorm-${randomBytes(8).toString('hex')}.tmp`;
}

function failing<R>(path: string, run: () => R): R {
  try {
    return run();
  } catch (cause) {
    if (cause instanceof Failure) throw cause;
    throw new Failure(`--out ${path}: cannot be written (${(cause as Error).message})`, { cause });
  }
}
