/** The modules: SIMD or not, for shared memory or not. Each is compiled once, whoever asks. */
import * as generated from '../../generated/wasm.js';
import { isSharingPossible, type Memory } from './memory.js';
import type { Exports } from './stage.js';

const texts: Readonly<Record<string, string>> = generated;
const decoded = new Map<string, Uint8Array<ArrayBuffer>>();
const compiled = new Map<string, WebAssembly.Module>();
const valid = new Map<string, boolean>();

/** Whether this engine runs the modules of an instruction set. */
export function runs(isa: string): boolean {
  return once(valid, nameOf(isa, isSharingPossible()), (name) => WebAssembly.validate(bytesOf(name)));
}

/** @throws where the engine does not allow compiling */
export function moduleOf(isa: string, shared: boolean): WebAssembly.Module {
  return once(compiled, nameOf(isa, shared), (name) => new WebAssembly.Module(bytesOf(name)));
}

/** Compiles what `moduleOf` is going to be asked for, also where that may not compile by itself. */
export async function compile(isa: string, shared: boolean): Promise<void> {
  const name = nameOf(isa, shared);
  if (!compiled.has(name)) compiled.set(name, await WebAssembly.compile(bytesOf(name)));
}

export function instantiate(isa: string, memory: Memory): Exports {
  const module = moduleOf(isa, memory.shared);
  return new WebAssembly.Instance(module, { env: { memory: memory.wasm } }).exports as unknown as Exports;
}

function nameOf(isa: string, shared: boolean): string {
  return shared ? `${isa}Shared` : isa;
}

function bytesOf(name: string): Uint8Array<ArrayBuffer> {
  return once(decoded, name, () => {
    const text = atob(texts[name]);
    const bytes = new Uint8Array(text.length);
    for (let k = 0; k < bytes.length; k++) bytes[k] = text.charCodeAt(k);
    return bytes;
  });
}

function once<T>(known: Map<string, T>, name: string, make: (name: string) => T): T {
  const found = known.get(name) ?? make(name);
  known.set(name, found);
  return found;
}
