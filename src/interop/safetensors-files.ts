/** Files of tensors in the format safetensors, on disk: in Node.js alone. */

import { environmentError } from '../arguments/errors.js';
import { describe, expected, wrongKind } from '../arguments/messages.js';
import { builtin } from '../backends/host.js';
import { headerLength, LENGTH_BYTES, parseHeader, piecesOf, type Safetensors, tensorsOf } from './safetensors.js';
import { fileError } from './safetensors-header.js';
import type { Tensors } from './tensors.js';

type Disk = typeof import('node:fs/promises');
type Handle = Awaited<ReturnType<Disk['open']>>;

/** Node.js reads and writes less than 2 GiB in one call. */
const PIECE = 2 ** 30;

/**
 * Reads a file in the format safetensors, as `readSafetensors` does, in Node.js. Its header is checked before the data
 * is read.
 *
 * @param path the file's name
 * @throws Error with code `ERR_BATCHNORM_FILE` that says what is wrong with the file, or that there are no files, as in
 * a page: fetch the bytes there, and give them to `readSafetensors`; the errors of Node.js where the file cannot be
 * read
 *
 * @example
 * import { loadSafetensors, saveSafetensors } from 'batchnorm/interop';
 * import { tmpdir } from 'node:os';
 *
 * const path = `${tmpdir()}/batchnorm-example.safetensors`;
 * await saveSafetensors(path, { mean: { dtype: 'F32', shape: [2], data: Float32Array.of(1, 2) } });
 * const { tensors } = await loadSafetensors(path);
 * console.log(tensors.mean.shape.join(), tensors.mean.data.join(' ')); // → 2 1 2
 */
export async function loadSafetensors(path: string): Promise<Safetensors> {
  const { constants, open } = disk('loadSafetensors', path);
  const call = `loadSafetensors: ${describe(path)}`;
  // A FIFO would wait for a writer.
  const handle = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  try {
    const stats = await handle.stat();
    if (!stats.isFile()) throw fileError(call, 'the file', 'to be a regular one', 'something else');
    const start = await bytesAt(call, handle, 0, Math.min(stats.size, LENGTH_BYTES));
    const length = headerLength(call, start, stats.size);
    const dataBytes = stats.size - LENGTH_BYTES - length;
    const header = parseHeader(call, await bytesAt(call, handle, LENGTH_BYTES, length), dataBytes);
    return tensorsOf(header, await bytesAt(call, handle, LENGTH_BYTES + length, dataBytes));
  } finally {
    await handle.close();
  }
}

/**
 * Writes a file in the format safetensors, as `writeSafetensors` does, in Node.js. The file is there whole or not at
 * all, whatever happens meanwhile: it is written under another name beside its place, and renamed.
 *
 * @param path the file's name; a file that is there is replaced
 * @param tensors by name
 * @param metadata texts by name that are kept beside the tensors; none by default
 * @throws TypeError or RangeError where a tensor is none; the errors of Node.js where the file cannot be written
 *
 * @example
 * import { saveSafetensors } from 'batchnorm/interop';
 * import { tmpdir } from 'node:os';
 *
 * await saveSafetensors(
 *   `${tmpdir()}/batchnorm-example.safetensors`,
 *   { weight: { dtype: 'F32', shape: [2], data: Float32Array.of(1, 2) } },
 *   { format: 'pt' },
 * );
 */
export async function saveSafetensors(
  path: string,
  tensors: Tensors,
  metadata: Record<string, string> = {},
): Promise<void> {
  const call = 'saveSafetensors';
  const { open, realpath, rename, rm } = disk(call, path);
  const pieces = piecesOf(call, tensors, metadata);
  // A link stays one: what it leads to is replaced.
  const target = await realpath(path).catch(() => path);
  const temporary = `${target}.${crypto.randomUUID().slice(0, 8)}.tmp`;
  const handle = await open(temporary, 'wx');
  try {
    try {
      for (const piece of pieces) await writeWhole(handle, piece);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

function disk(call: string, path: unknown): Disk {
  if (typeof path !== 'string') throw wrongKind(call, 'path', "a file's name", path);
  if (path === '') throw new RangeError(expected(call, 'path', "a file's name", describe(path)));
  const found = builtin<Disk>('node:fs/promises');
  if (found !== undefined) return found;
  const instead = call === 'loadSafetensors' ? 'readSafetensors' : 'writeSafetensors';
  throw environmentError('ERR_BATCHNORM_FILE', `${call}: there are no files here: use ${instead} on bytes`);
}

async function bytesAt(call: string, handle: Handle, position: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; ) {
    const { bytesRead } = await handle.read(bytes, at, Math.min(length - at, PIECE), position + at);
    if (bytesRead === 0) throw fileError(call, 'the file', 'to stay as it is', 'one that has shrunk');
    at += bytesRead;
  }
  return bytes;
}

async function writeWhole(handle: Handle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, at, Math.min(bytes.length - at, PIECE));
    at += bytesWritten;
  }
}
