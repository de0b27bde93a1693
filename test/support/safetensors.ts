/** Files in the format safetensors for tests: those that Python wrote, and some that nobody would. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Safetensors } from 'batchnorm/interop';
import { ROOT } from './install.js';

export const DATA = join(ROOT, 'test', 'data', 'safetensors');

export function fixture(name: string): Uint8Array {
  return new Uint8Array(readFileSync(join(DATA, `${name}.safetensors`)));
}

/** A file of this header, with as many zeros after it. */
export function file(header: string | Uint8Array, dataBytes = 0): Uint8Array {
  const text = typeof header === 'string' ? new TextEncoder().encode(header) : header;
  const bytes = new Uint8Array(8 + text.length + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  return bytes;
}

export const tensor = (dtype: string, shape: string, offsets: string): string =>
  `{"dtype":"${dtype}","shape":${shape},"data_offsets":${offsets}}`;
export const F32 = tensor('F32', '[1]', '[0,4]');

/** In a form that can be compared: objects without a prototype, and NaN. */
export function shown({ tensors, metadata }: Safetensors): unknown {
  const entries = Object.entries(tensors).map(([name, { dtype, shape, data }]) => {
    return [name, dtype, shape, Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('latin1')] as const;
  });
  return { tensors: entries.sort(([a], [b]) => (a < b ? -1 : 1)), metadata: Object.entries(metadata) };
}
