/** Which implementation of the kernels runs: the first that loads, or the one that was asked for. */
import { environmentError } from '../arguments/errors.js';
import { wrongKind, wrongValue } from '../arguments/messages.js';
import { NO_OPTIONS, nameSet, readOptions } from '../arguments/options.js';
import { checkSize } from '../arguments/validate.js';
import type { Kernels } from '../kernels.js';
import type { BackendInfo, BackendName } from '../types.js';
import { environment } from './host.js';
import type { Loader, LoadOptions } from './loader.js';
import * as native from './native.js';
import * as reference from './reference.js';
import { setReservation } from './wasm/memory.js';
import * as wasm from './wasm.js';

/** Best first. */
const LOADERS: readonly Loader[] = [
  { name: 'native', known: ['avx512', 'avx2', 'baseline', 'neon'], ...native },
  { name: 'wasm', known: ['simd128', 'scalar'], ...wasm },
  { name: 'reference', known: ['javascript'], ...reference },
];

const OPTIONS = /* @__PURE__ */ nameSet('isa threads');
const READY_OPTIONS = /* @__PURE__ */ nameSet('memory');

let current: Kernels | undefined;

/** The kernels in use; the first call chooses. */
export function kernels(): Kernels {
  current ??= chooseByEnvironment();
  return current;
}

/**
 * The backend in use. The first call of any operation chooses: native, else wasm, else reference; the environment
 * variables BATCHNORM_BACKEND, BATCHNORM_ISA and BATCHNORM_THREADS choose otherwise.
 *
 * @throws Error with code ERR_BATCHNORM_BACKEND where the environment asks for what is misspelt or unavailable
 * @example
 * import { backend } from 'batchnorm';
 * const { name, isa } = backend();
 * console.log(`${name} (${isa})`); // native (avx2)
 */
export function backend(): BackendInfo {
  return describe(kernels());
}

/**
 * Every backend, best first; each that cannot be used says why, and what to do.
 *
 * @example
 * import { backends } from 'batchnorm';
 * for (const { name, isa, available, reason } of backends()) console.log(name, available ? isa : reason);
 */
export function backends(): BackendInfo[] {
  return LOADERS.map((loader) => {
    try {
      return describe(current?.name === loader.name ? current : loader.load(NO_OPTIONS));
    } catch (error) {
      return { name: loader.name, available: false, isa: loader.known.join(' | '), threads: 0, reason: text(error) };
    }
  });
}

/**
 * Use this backend from now on, in this process (and, with worker_threads, in this thread).
 *
 * @param name 'native', 'wasm', 'reference', or 'auto' for the first of these that loads
 * @param options `isa` forces an instruction set, such as 'baseline' or 'scalar'; `threads` is the most threads to use
 * @throws Error with code ERR_BATCHNORM_BACKEND: misspelt or unavailable; the backend in use stays
 * @throws TypeError where `options` has an unknown name; RangeError where `threads` is no integer of at least 1
 * @example
 * import { useBackend } from 'batchnorm';
 * useBackend('reference').isa; // 'javascript'
 */
export function useBackend(name: BackendName | 'auto', options: LoadOptions = NO_OPTIONS): BackendInfo {
  const given = readOptions('useBackend', options, OPTIONS);
  current = choose(name, checkThreads(given), 'useBackend');
  return describe(current);
}

/**
 * Resolves when a backend is loaded and its workers run. Needed only where code may not be compiled synchronously (the
 * main thread of some browsers); calls before it then throw an Error with code ERR_BATCHNORM_NOT_READY. Elsewhere the
 * first call loads, and workers join in when they run.
 *
 * @param options.memory bytes that the WebAssembly backend reserves, up to 4 GiB (2 ** 32), if it has not begun to run.
 *   Default: 4 GiB where memory can be shared, 256 MiB in a page that is not cross-origin isolated
 * @throws TypeError, RangeError where `memory` is not an integer >= 0; Error with code ERR_BATCHNORM_BACKEND as
 *   `backend`
 * @example
 * import { ready } from 'batchnorm';
 * await ready();
 */
export async function ready(options: { memory?: number | undefined } = NO_OPTIONS): Promise<BackendInfo> {
  const { memory } = readOptions('ready', options, READY_OPTIONS);
  if (memory !== undefined) {
    checkSize('ready', 'memory', memory);
    setReservation(memory);
  }
  await wasm.compile();
  const { name, threads } = kernels();
  if (name === 'wasm') await wasm.serving(threads);
  return backend();
}

function chooseByEnvironment(): Kernels {
  const threads = environment('BATCHNORM_THREADS');
  if (threads && !(Number.isInteger(Number(threads)) && Number(threads) >= 1)) {
    throw unusable(`BATCHNORM_THREADS expected ${WANTED}, got ${JSON.stringify(threads)}`);
  }
  const options = { isa: environment('BATCHNORM_ISA') || undefined, threads: threads ? Number(threads) : undefined };
  return choose(environment('BATCHNORM_BACKEND') || 'auto', checkThreads(options), ENVIRONMENT);
}

/** The first loader that fits and loads; an error with every reason where none does. */
function choose(name: string, options: LoadOptions, asker: string): Kernels {
  const named = LOADERS.filter((loader) => name === 'auto' || loader.name === name);
  if (named.length === 0) {
    throw unusable(
      `${by(asker, 'BATCHNORM_BACKEND')} asks for the backend ${JSON.stringify(name)}; known are auto, ` +
        `${names(LOADERS)}`,
    );
  }
  const { isa } = options;
  const fitting = named.filter((loader) => isa === undefined || loader.known.includes(isa));
  if (fitting.length === 0) {
    const known = named.map((loader) => `${loader.name}: ${loader.known.join(', ')}`).join('; ');
    throw unusable(
      `${by(asker, 'BATCHNORM_ISA')} asks for the instruction set ${JSON.stringify(isa)}; known are ${known}`,
    );
  }
  const causes: Error[] = [];
  for (const loader of fitting) {
    try {
      return loader.load(options);
    } catch (error) {
      if (isNotReady(error)) throw error; // what comes after it would be chosen for good
      causes.push(error instanceof Error ? error : new Error(String(error)));
    }
  }
  const wanted = isa === undefined ? `"${name}"` : `"${name}" with "${isa}"`;
  const who = by(asker, isa === undefined ? 'BATCHNORM_BACKEND' : 'BATCHNORM_BACKEND, BATCHNORM_ISA');
  throw unusable(`${who} asks for ${wanted}, which cannot be used here. ${causes.map(text).join(' ')}`, causes[0]);
}

const ENVIRONMENT = 'the environment';

/** Who asks, in words: of the environment it is a variable. */
function by(asker: string, variables: string): string {
  return asker === ENVIRONMENT ? `${asker} (${variables})` : asker;
}

function isNotReady(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_BATCHNORM_NOT_READY';
}

const WANTED = 'an integer of at least 1';

function checkThreads({ isa, threads }: LoadOptions): LoadOptions {
  if (threads !== undefined) {
    if (typeof threads !== 'number') throw wrongKind('useBackend', 'threads', WANTED, threads);
    if (!(Number.isInteger(threads) && threads >= 1)) throw wrongValue('useBackend', 'threads', WANTED, threads);
  }
  return { isa, threads };
}

function describe({ name, isa, threads, origin, refused }: Kernels): BackendInfo {
  return { name, available: true, isa, threads, ...(origin && { origin }), ...(refused && { refused }) };
}

function names(loaders: readonly Loader[]): string {
  return loaders.map((loader) => loader.name).join(', ');
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function unusable(message: string, cause?: unknown): Error {
  return environmentError('ERR_BATCHNORM_BACKEND', message, cause);
}
