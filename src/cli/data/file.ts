/** Reading a file of data, compressed or not, with failures that name it. */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { Failure } from '../failure.js';

/**
 * The contents, decompressed where they begin as gzip does, whatever the file is called.
 * @throws Failure that names the file: it cannot be read, or its compressed data end early or are damaged.
 */
export function readData(path: string): Buffer {
  const bytes = readBytes(path);
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  try {
    return gunzipSync(bytes);
  } catch (cause) {
    const early = (cause as NodeJS.ErrnoException).code === 'Z_BUF_ERROR';
    throw new Failure(
      `${path}: ${early ? 'is truncated: its gzip data end early' : `damaged gzip data (${message(cause)})`}`,
      {
        cause,
      },
    );
  }
}

function readBytes(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new Failure(`${path}: cannot be read (${message(cause)})`, { cause });
  }
}

function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
