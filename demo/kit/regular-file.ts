/** Files as the command line takes them: regular ones. Devices and FIFOs are refused before they are opened. */
import { closeSync, constants, fstatSync, openSync, readSync, type Stats, statSync } from 'node:fs';
import { Failure } from './failure.js';

/** Describes what is there instead of a regular file; undefined if it is one. */
export function otherKind(stats: Stats): string | undefined {
  if (stats.isFile()) return undefined;
  if (stats.isDirectory()) return 'a folder';
  if (stats.isFIFO()) return 'a FIFO';
  if (stats.isCharacterDevice() || stats.isBlockDevice()) return 'a device';
  return stats.isSocket() ? 'a socket' : 'something else';
}

/** An open file. */
export interface OpenFile {
  readonly size: number;
  /** At most so many of the bytes from `start` on: fewer where the file ends. */
  read(start: number, length: number): Buffer;
}

/**
 * Opens a file, hands it to `use`, and closes it.
 *
 * @throws Failure that names the file: it is none, or cannot be read
 */
export function withFile<R>(path: string, use: (file: OpenFile) => R): R {
  const descriptor = failing(path, () => {
    refuseOthers(path, statSync(path));
    // A FIFO that has taken its place since would wait for a writer.
    return openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  });
  try {
    const stats = failing(path, () => fstatSync(descriptor));
    refuseOthers(path, stats);
    return use({ size: stats.size, read: (start, length) => failing(path, () => read(descriptor, start, length)) });
  } finally {
    closeSync(descriptor);
  }
}

/** Errors of the system as Failures. */
export function failing<R>(path: string, run: () => R): R {
  try {
    return run();
  } catch (cause) {
    if (cause instanceof Failure) throw cause;
    throw new Failure(`${path}: cannot be read (${(cause as Error).message})`, { cause });
  }
}

function refuseOthers(path: string, stats: Stats): void {
  const kind = otherKind(stats);
  if (kind !== undefined) throw new Failure(`${path}: expected a regular file, found ${kind}`);
}

function read(descriptor: number, start: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  let done = 0;
  while (done < length) {
    const count = readSync(descriptor, bytes, done, length - done, start + done);
    if (count === 0) break;
    done += count;
  }
  return bytes.subarray(0, done);
}
