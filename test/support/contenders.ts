/** Who computes on this machine: backends, instruction sets and walks, all of which have one result. */
import { readFileSync } from 'node:fs';
import * as native from '#dist/backends/native.js';
import * as reference from '#dist/backends/reference.js';
import type { Resources as WasmResources } from '#dist/backends/wasm/call.js';
import * as wasm from '#dist/backends/wasm.js';
import type { Kernels } from '#dist/kernels.js';
import { type Absence, underTest } from './backends.js';

export interface Contender {
  readonly name: string;
  readonly kernels: Kernels;
}

export interface Contenders {
  /** The reference first. */
  readonly present: readonly Contender[];
  /** What this machine lacks, and why. */
  readonly absent: readonly { readonly name: string; readonly reason: string }[];
}

const THREADS = 3;

/** Calls on one thread as users have them; on several each is worth threads, and is copied in small pieces. */
const WASM: readonly WasmResources[] = [
  { threads: 1, threadBytes: 2 ** 17, tileBytes: 2 ** 20, copiedBytes: 2 ** 26 },
  { threads: THREADS, threadBytes: 64, tileBytes: 2 ** 12, copiedBytes: 2 ** 14 },
];
/** By itself, on several threads that are all worth starting, and as if caches held little. */
const NATIVE: readonly native.Resources[] = [
  { threads: 1 },
  { threads: THREADS, threadBytes: 1 },
  { threads: 2, threadBytes: 1, tileBytes: 600, sharedBytes: 1, streamBytes: 1 },
];

const X64 = ['avx512', 'avx2', 'baseline'];
const ISAS: Readonly<Record<string, readonly string[]>> = { x64: X64, arm64: ['neon'] };

/** Resolves when the threads of WebAssembly serve. */
export async function contendersHere(): Promise<Contenders> {
  const absent: { name: string; reason: string }[] = [];
  const present: Contender[] = [{ name: 'reference', kernels: reference.load() }];
  const isasOf = (name: 'wasm' | 'native', all: readonly string[]) => {
    const found = underTest(name);
    const here = Array.isArray(found) ? found.map(({ isa }) => isa) : [];
    const reason = Array.isArray(found) ? 'it does not run here' : (found as Absence).reason;
    for (const isa of all) if (!here.includes(isa)) absent.push({ name: `${name}/${isa}`, reason });
    return here;
  };
  for (const isa of isasOf('wasm', ['simd128', 'scalar'])) {
    await wasm.startWorkers(THREADS);
    for (const walk of WASM) present.push({ name: nameOf('wasm', isa, walk), kernels: wasm.loadWith(isa, walk) });
  }
  for (const isa of isasOf('native', ISAS[process.arch] ?? [])) {
    for (const walk of isa === 'avx512' ? bothWays(NATIVE) : NATIVE) {
      present.push({ name: nameOf('native', isa, walk), kernels: native.loadWith(isa, walk) });
    }
    if (isa === 'avx512' && !hasIfma()) absent.push({ name: 'native/avx512 with IFMA', reason: 'no avx512ifma' });
  }
  return { present, absent };
}

/** With AVX512IFMA, where the processor has it, and without. */
function bothWays(walks: readonly native.Resources[]): native.Resources[] {
  return walks.flatMap((walk) => [walk, { ...walk, ifma: false }]);
}

function nameOf(backend: string, isa: string, { threads, streamBytes, ifma }: native.Resources): string {
  const caches = streamBytes === undefined ? '' : ', small caches';
  return `${backend}/${isa}, threads ${threads}${caches}${ifma === false ? ', without IFMA' : ''}`;
}

/** Where the system does not tell, it counts as there. */
function hasIfma(): boolean {
  return process.platform !== 'linux' || / avx512ifma /.test(readFileSync('/proc/cpuinfo', 'utf8'));
}
