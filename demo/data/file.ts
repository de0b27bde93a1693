/** A file of data, compressed or not: its beginning first, and of the rest no more than the beginning promises. */
import { constants, gunzipSync } from 'node:zlib';
import { Failure } from '../kit/failure.js';
import { type OpenFile, withFile } from '../kit/regular-file.js';

/** A file of data that is open, decompressed where it begins as gzip does, whatever it is called. */
export interface DataFile {
  /** Bytes; undefined where only decompressing would tell. */
  readonly size: number | undefined;
  /** The first bytes; fewer where the data end before. */
  head(length: number): Buffer;
  /** All of it, where that is no more than `most` bytes; else undefined. */
  all(most: number): Buffer | undefined;
}

/** Compressed bytes are looked at in steps of so many: they become at most four megabytes. */
const STEP = 4096;
/** Within so many compressed bytes data begin: names and comments of gzip come first. */
const LATEST = 2 ** 17;
/** Deflate makes no more of a byte. */
const MOST_INFLATED = 1032;

/**
 * Opens a file of data, hands it to `use`, and closes it.
 *
 * @throws Failure that names the file: it is no regular file, cannot be read, or its compressed data end early or
 * are damaged
 */
export function withData<R>(path: string, use: (data: DataFile) => R): R {
  return withFile(path, (file) => {
    const [first, second] = file.read(0, 2);
    return use(first === 0x1f && second === 0x8b ? compressed(path, file) : plain(file));
  });
}

function plain(file: OpenFile): DataFile {
  return {
    size: file.size,
    head: (length) => file.read(0, length),
    all: (most) => (file.size > most ? undefined : file.read(0, file.size)),
  };
}

function compressed(path: string, file: OpenFile): DataFile {
  return {
    size: undefined,
    head(length) {
      for (let read = STEP; read <= LATEST; read += STEP) {
        const start = inflate(path, file.read(0, read), { finishFlush: constants.Z_SYNC_FLUSH });
        if (start.length >= length || read >= file.size) return start.subarray(0, length);
      }
      throw new Failure(`${path}: damaged gzip data (nothing comes of its first ${LATEST} bytes)`);
    },
    all(most) {
      if (most > MOST_INFLATED * file.size) throw endsEarly(path);
      // Data that cannot be compressed grow by a thousandth.
      if (file.size > 2 * most + LATEST) return undefined;
      try {
        return inflate(path, file.read(0, file.size), { maxOutputLength: Math.max(1, most) });
      } catch (error) {
        if (error instanceof Failure) throw error;
        return undefined;
      }
    },
  };
}

/** @throws Failure; the error of zlib where it is more than `maxOutputLength` */
function inflate(path: string, bytes: Buffer, options: Parameters<typeof gunzipSync>[1]): Buffer {
  try {
    return gunzipSync(bytes, options);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === 'ERR_BUFFER_TOO_LARGE') throw cause;
    throw code === 'Z_BUF_ERROR'
      ? endsEarly(path, cause)
      : new Failure(`${path}: damaged gzip data (${message})`, { cause });
  }
}

function endsEarly(path: string, cause?: unknown): Failure {
  return new Failure(`${path}: is truncated: its gzip data end early`, { cause });
}
