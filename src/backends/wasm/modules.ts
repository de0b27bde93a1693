/** The modules: SIMD or not, for shared memory or not. Each is compiled once, whoever asks. */
import { environmentError } from '../../arguments/errors.js';
import * as generated from '../../generated/wasm.js';
import { isSharingPossible, type Memory } from './memory.js';
import type { Exports } from './stage.js';

const texts: Readonly<Record<string, string>> = generated;
const decoded = new Map<string, Uint8Array<ArrayBuffer>>();
const compiled = new Map<string, WebAssembly.Module>();
const valid = new Map<string, boolean>();
/** By memory and name: an instance keeps nothing of its own, so that one serves all. */
const instances = /* @__PURE__ */ new WeakMap<Memory, Map<string, Exports>>();

/** Whether this engine runs the modules of an instruction set. */
export function runs(isa: string): boolean {
  return once(valid, nameOf(isa, isSharingPossible()), (name) => WebAssembly.validate(bytesOf(name)));
}

/** @throws where the engine does not allow compiling, or not now */
export function moduleOf(isa: string, shared: boolean): WebAssembly.Module {
  return once(compiled, nameOf(isa, shared), (name) => explained(() => new WebAssembly.Module(bytesOf(name))));
}

/** @throws as `moduleOf` */
export function instantiate(isa: string, memory: Memory): Exports {
  return once(instancesOf(memory), isa, () => {
    const module = moduleOf(isa, memory.shared);
    const { exports } = explained(() => new WebAssembly.Instance(module, importsOf(memory)));
    return exports as unknown as Exports;
  });
}

/** Compiles in the background what `moduleOf` is going to be asked for. */
export async function compile(isa: string, shared: boolean): Promise<void> {
  const name = nameOf(isa, shared);
  if (!compiled.has(name)) compiled.set(name, await WebAssembly.compile(bytesOf(name)));
}

/** Does what `instantiate` does where that may not do it by itself. */
export async function prepare(isa: string, memory: Memory): Promise<void> {
  await compile(isa, memory.shared);
  const { exports } = await WebAssembly.instantiate(moduleOf(isa, memory.shared), importsOf(memory));
  instancesOf(memory).set(isa, exports as unknown as Exports);
}

function instancesOf(memory: Memory): Map<string, Exports> {
  const found = instances.get(memory) ?? new Map<string, Exports>();
  instances.set(memory, found);
  return found;
}

function importsOf(memory: Memory): WebAssembly.Imports {
  return { env: { memory: memory.wasm } };
}

/**
 * What the engine does, or why it does not. Browsers refuse sizes for a main thread by a RangeError, policies by
 * others.
 */
function explained<T>(act: () => T): T {
  try {
    return act();
  } catch (cause) {
    if (cause instanceof RangeError) {
      const what = 'WebAssembly may only be compiled in the background here: await ready() before the first call';
      throw environmentError('ERR_BATCHNORM_NOT_READY', what, cause);
    }
    const reason = cause instanceof Error ? cause.message : String(cause);
    const way = "if it is the page's Content-Security-Policy, add 'wasm-unsafe-eval' to its script-src";
    throw new Error(`wasm: this place does not compile WebAssembly (${reason}); ${way}.`, { cause });
  }
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
