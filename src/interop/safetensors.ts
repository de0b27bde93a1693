/** Files of tensors in the format safetensors, as bytes in memory. */
import { describe, wrongKind, wrongValue } from '../arguments/messages.js';
import { isUsable, kindOf } from '../arguments/typed-arrays.js';
import { fileError, type Header, isUnicode, METADATA, readHeader } from './safetensors-header.js';
import { checkTensor, DTYPES, type NamedTensor, newTensors, type Tensors, tensorOver } from './tensors.js';

/** The contents of a safetensors file. */
export interface Safetensors {
  /** Tensors by name, in the order of their bytes in the file; an object without a prototype. */
  readonly tensors: Tensors;
  /** Texts by name that the file has beside its tensors; empty if it has none. An object without a prototype. */
  readonly metadata: Record<string, string>;
}

/** The length of the header stands before it, as an unsigned integer of 64 bits, the lowest byte first. */
export const LENGTH_BYTES = 8;
/** The format allows no longer header: a file that claims one is refused before any memory is asked for. */
const MOST_HEADER_BYTES = 100_000_000;

/** How files begin that are taken for this format; as the length of a header, each is far too large. */
const OTHER_FORMATS: Readonly<Record<string, string>> = {
  'PK\x03\x04': 'a ZIP archive, as files .pt, .npz and .keras are',
  '\x89HDF': 'HDF5, as files .h5 are',
  '\x93NUMPY': 'a file .npy',
  '\x80': 'a pickle, as old files .pt are',
  GGUF: 'GGUF',
};
const PYTHON = 'docs/interop.md has the lines of Python that make the one of the other';

/**
 * Reads a file in the format safetensors (https://github.com/huggingface/safetensors) from its bytes.
 *
 * Nothing in the file is trusted: the length of the header is at most 100 MB, every name comes once, and the tensors
 * fill the rest of the file without holes and overlaps. Memory and time grow with the length of `bytes`, whatever they
 * say.
 *
 * Arrays of tensors are views of `bytes` wherever they are aligned, which they are in files of usual writers, and else
 * copies: give `new Uint8Array(bytes)`, a copy, where the one is to be written and the other to be kept.
 *
 * @param bytes the whole file; a Buffer is a Uint8Array
 * @throws Error with code `ERR_BATCHNORM_FILE` that says what is wrong with the file; TypeError where `bytes` is no
 * Uint8Array
 *
 * @example
 * import { readSafetensors, writeSafetensors } from 'batchnorm/interop';
 *
 * const bytes = writeSafetensors(
 *   { 'norm.weight': { dtype: 'F32', shape: [2], data: Float32Array.of(1, 0.5) } },
 *   { format: 'pt' },
 * );
 *
 * const { tensors, metadata } = readSafetensors(bytes);
 * console.log(tensors['norm.weight'].data.join(' '), metadata.format); // → 1 0.5 pt
 */
export function readSafetensors(bytes: Uint8Array): Safetensors {
  const call = 'readSafetensors';
  if (kindOf(bytes) !== 'Uint8Array' || !isUsable(bytes)) throw wrongKind(call, 'bytes', 'a Uint8Array', bytes);
  // The method of Uint8Array itself: slice() of a Buffer makes no copy.
  const file = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  const headerEnd = LENGTH_BYTES + headerLength(call, file, file.length);
  const header = parseHeader(call, file.slice(LENGTH_BYTES, headerEnd), file.length - headerEnd);
  return tensorsOf(header, file.subarray(headerEnd));
}

/** The length of the header by the first bytes of a file that has `size` bytes. */
export function headerLength(call: string, start: Uint8Array, size: number): number {
  if (size < LENGTH_BYTES) throw fileError(call, 'the file', `at least ${LENGTH_BYTES} bytes`, `${size}`);
  const length = new DataView(start.buffer, start.byteOffset, LENGTH_BYTES).getBigUint64(0, true);
  if (length > MOST_HEADER_BYTES) {
    const beginning = String.fromCharCode(...start.subarray(0, LENGTH_BYTES));
    const other = Object.entries(OTHER_FORMATS).find(([magic]) => beginning.startsWith(magic))?.[1];
    if (other !== undefined) throw fileError(call, 'the file', 'the format safetensors', `${other}; ${PYTHON}`);
    throw fileError(call, 'the header', `to have at most ${MOST_HEADER_BYTES} bytes`, `${length}`);
  }
  const rest = size - LENGTH_BYTES;
  if (length > rest) throw fileError(call, 'the header', `to have at most the ${rest} bytes that follow`, `${length}`);
  return Number(length);
}

/** Reads the bytes of a header, which belong to nobody else, before `dataBytes` bytes of data. */
export function parseHeader(call: string, bytes: Uint8Array, dataBytes: number): Header {
  // The format has this rule, so that no file is anything else at the same time.
  if (bytes[0] !== '{'.charCodeAt(0)) {
    throw fileError(call, 'the header', "to begin with '{'", bytes.length === 0 ? 'no header' : `byte ${bytes[0]}`);
  }
  return readHeader(call, decoded(call, bytes), dataBytes);
}

function decoded(call: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw fileError(call, 'the header', 'UTF-8', 'other bytes');
  }
}

/** The tensors that a header describes, over the bytes that follow it. */
export function tensorsOf({ entries, metadata }: Header, data: Uint8Array): Safetensors {
  const tensors = newTensors();
  for (const { name, dtype, shape, begin, end } of entries) {
    tensors[name] = tensorOver(dtype, shape, data.subarray(begin, end));
  }
  return { tensors, metadata };
}

/**
 * Writes tensors in the format safetensors (https://github.com/huggingface/safetensors), with the very bytes that its
 * own library writes: the tensors by type, the largest first, then by name; a header without spaces but for those that
 * align the data.
 *
 * @param tensors by name; `__metadata__` is no name of a tensor
 * @param metadata texts by name that are kept beside the tensors; PyTorch's tools want `{ format: 'pt' }`. None by
 * default.
 * @returns the bytes of the file, in memory of their own
 * @throws TypeError or RangeError where a tensor is none, or its array does not have the length that its shape says;
 * RangeError where the header would have more than the 100 MB that the format allows
 *
 * @example
 * import { writeSafetensors } from 'batchnorm/interop';
 *
 * const bytes = writeSafetensors({ mean: { dtype: 'F64', shape: [2], data: Float64Array.of(1, 2) } });
 * console.log(bytes.length); // → 88
 */
export function writeSafetensors(tensors: Tensors, metadata: Record<string, string> = {}): Uint8Array<ArrayBuffer> {
  const pieces = piecesOf('writeSafetensors', tensors, metadata);
  const bytes = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

/**
 * What a file consists of, one after the other: its beginning with the header, and the bytes of each tensor, not
 * copied.
 */
export function piecesOf(call: string, tensors: Tensors, metadata: Record<string, string>): Uint8Array[] {
  if (typeof tensors !== 'object' || tensors === null) throw wrongKind(call, 'tensors', 'tensors by name', tensors);
  const given = Object.entries(tensors);
  for (const [name, tensor] of given) checkNamed(call, name, tensor);
  given.sort(([a, x], [b, y]) => DTYPES.indexOf(x.dtype) - DTYPES.indexOf(y.dtype) || byCodePoints(a, b));
  const members = metadataOf(call, metadata);
  const pieces: Uint8Array[] = [];
  let begin = 0;
  for (const [name, { dtype, shape, data }] of given) {
    const end = begin + data.byteLength;
    members.push(`${JSON.stringify(name)}:${JSON.stringify({ dtype, shape, data_offsets: [begin, end] })}`);
    pieces.push(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    begin = end;
  }
  return [beginningOf(call, `{${members.join(',')}}`), ...pieces];
}

function checkNamed(call: string, name: string, tensor: NamedTensor): void {
  if (name === METADATA) throw wrongValue(call, 'tensors', `tensors of other names than ${METADATA}`, name);
  if (!isUnicode(name)) throw wrongValue(call, 'tensors', 'names without halves of surrogate pairs', name);
  checkTensor(call, name, tensor);
}

/** The members of the header that are no tensors: one, or none. */
function metadataOf(call: string, metadata: unknown): string[] {
  if (typeof metadata !== 'object' || metadata === null) throw wrongKind(call, 'metadata', 'texts by name', metadata);
  const texts = Object.entries(metadata);
  for (const [name, text] of texts) {
    if (typeof text !== 'string') throw wrongKind(call, `metadata.${name}`, 'a text', text);
    if (!isUnicode(name + text)) throw wrongValue(call, 'metadata', 'texts without halves of surrogate pairs', text);
  }
  if (texts.length === 0) return [];
  return [`"${METADATA}":{${texts.map((pair) => pair.map((text) => JSON.stringify(text)).join(':')).join(',')}}`];
}

/** The length of the header, and the header, with spaces up to a multiple of eight bytes. */
function beginningOf(call: string, json: string): Uint8Array {
  const text = new TextEncoder().encode(json);
  const length = Math.ceil(text.length / 8) * 8;
  if (length > MOST_HEADER_BYTES) {
    const wanted = `names, shapes and metadata of at most ${MOST_HEADER_BYTES} bytes together`;
    throw new RangeError(`batchnorm: ${call}: "tensors" expected ${wanted}, got ${describe(length)}`);
  }
  const bytes = new Uint8Array(LENGTH_BYTES + length).fill(' '.charCodeAt(0));
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true);
  bytes.set(text, LENGTH_BYTES);
  return bytes;
}

/** As UTF-8 is ordered; JavaScript's own order has characters beyond 16 bits before some others. */
function byCodePoints(a: string, b: string): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const difference = a.codePointAt(i)! - b.codePointAt(i)!;
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}
