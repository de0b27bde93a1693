/** Workers that serve in a shared memory: assembly/pool.ts is what they do there. */
import * as facts from '../../generated/wasm-facts.js';
import { builtin } from '../host.js';
import type { Memory } from './memory.js';

/** Words of the memory at which the threads of assembly/pool.ts agree. */
const SERVING = facts.SERVING / 4;
const QUIT = facts.QUIT / 4;
const MAY_WAIT = facts.MAY_WAIT / 4;
/** Where a worker sleeps. */
const bedOf = (thread: number) => facts.BEDS / 4 + thread;

/** How long `ready` waits for workers that do not come: a page may forbid them without a word. */
const PATIENCE = 2000;

/**
 * All that a worker runs, in Node.js and on the web: it has no file of its own, so that bundlers need not know of it.
 */
const SOURCE = `'use strict';
const serve = ([module, memory, thread]) => new WebAssembly.Instance(module, { env: { memory } }).exports.serve(thread);
if (typeof require === 'function') serve(require('node:worker_threads').workerData);
else onmessage = ({ data }) => { serve(data); close(); };`;

type Message = readonly [module: WebAssembly.Module, memory: WebAssembly.Memory, thread: number];
/** Ends a worker. */
type Terminate = () => void;

/** Set where one could not start: by a page's policy, or for want of memory. */
let areRefused = false;

/** Whether workers start here, as far as that is known: Node.js' permission model has --allow-worker. */
export function mayStartWorkers(): boolean {
  const { permission } = (globalThis.process ?? {}) as { permission?: { has(scope: string): boolean } };
  return !areRefused && permission?.has('worker') !== false;
}

export class Pool {
  readonly #module: WebAssembly.Module;
  /** null when all of them are stopped: what lingers of them must not keep the memory. */
  #memory: Memory | null;
  #words: Int32Array;
  readonly #workers = new Set<Terminate>();
  #started = 0;

  constructor(memory: Memory, module: WebAssembly.Module) {
    this.#module = module;
    this.#memory = memory;
    this.#words = new Int32Array(memory.wasm.buffer);
    Atomics.store(this.#words, MAY_WAIT, typeof document === 'undefined' ? 1 : 0);
  }

  /** Starts workers until there are so many, or as many as this place allows. They serve when they are ready. */
  start(count: number): void {
    while (this.#memory !== null && this.#started < count && mayStartWorkers()) {
      this.#started++;
      try {
        this.#workers.add(this.#startWorker([this.#module, this.#memory.wasm, this.#started]));
      } catch {
        areRefused = true; // one thread is enough to be right
      }
    }
  }

  /** Resolves when the workers that were started serve, or it is clear that they will not. */
  async serving(): Promise<void> {
    for (const start = Date.now(); Date.now() - start < PATIENCE; ) {
      if (Atomics.load(this.#words, SERVING) >= this.#workers.size) return;
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }

  /** Ends the workers, those that hang too. */
  stop(): void {
    Atomics.store(this.#words, QUIT, 1);
    for (let thread = 1; thread <= this.#started; thread++) {
      Atomics.store(this.#words, bedOf(thread), 0);
      Atomics.notify(this.#words, bedOf(thread));
    }
    for (const terminate of this.#workers) terminate();
    this.#workers.clear();
    this.#started = 0;
    Atomics.store(this.#words, SERVING, 0);
    this.#memory = null;
    this.#words = new Int32Array(MAY_WAIT + 1);
  }

  #startWorker(message: Message): Terminate {
    const threads = builtin<typeof import('node:worker_threads')>('node:worker_threads');
    return threads === undefined ? this.#startWebWorker(message) : this.#startNodeWorker(threads, message);
  }

  #startNodeWorker({ Worker }: typeof import('node:worker_threads'), message: Message): Terminate {
    const worker = new Worker(SOURCE, { eval: true, workerData: message, execArgv: [], name: 'batchnorm' });
    const terminate = () => void worker.terminate();
    worker.on('error', () => this.#fail(terminate));
    worker.on('exit', () => this.#lose(terminate));
    worker.unref(); // must not keep the process alive
    return terminate;
  }

  #startWebWorker(message: Message): Terminate {
    const url = URL.createObjectURL(new Blob([SOURCE], { type: 'text/javascript' }));
    const worker = new Worker(url, { name: 'batchnorm' });
    const terminate = () => worker.terminate();
    worker.onerror = (event) => {
      event.preventDefault();
      this.#fail(terminate);
    };
    worker.postMessage(message);
    return terminate;
  }

  #fail(worker: Terminate): void {
    this.#lose(worker);
    if (this.#workers.size === 0) areRefused = true;
  }

  /** Calls do not wait for a worker that has ended between them. */
  #lose(worker: Terminate): void {
    this.#workers.delete(worker);
    const serving = Atomics.load(this.#words, SERVING);
    Atomics.compareExchange(this.#words, SERVING, serving, Math.min(serving, this.#workers.size));
  }
}
