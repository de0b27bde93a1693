import { environmentError } from '../arguments/errors.js';
import { describe, expected, wrongKind, wrongValue } from '../arguments/messages.js';
import { NO_OPTIONS, nameSet, readOptions } from '../arguments/options.js';
import { kindOf } from '../arguments/typed-arrays.js';
import { checkSize } from '../arguments/validate.js';
import { RECORD } from '../kernels.js';
import { checkSummation, type Summation } from '../passes/exact.js';
import { checkTag, differences, HEADER, lengthIn, mismatch, writeHeader } from './exchange-header.js';
import type { ExchangeTag, Reducer } from './reducer.js';

/** Options of a {@link ThreadReducer}, all of them optional. */
export interface ThreadReducerOptions {
  /** How long an exchange waits for the others, in milliseconds, ≥ 0; Infinity is allowed. Default 30,000. */
  timeout?: number | undefined;
}

const CALL = 'ThreadReducer';
/** Options of {@link ThreadReducer.memory}: what the memory has room for. */
export interface ThreadMemoryOptions {
  /** 'exact' makes room for exact sums, too. Default 'ordered'. */
  summation?: Summation | undefined;
}

const OPTIONS = /* @__PURE__ */ nameSet('timeout');
const MEMORY_OPTIONS = /* @__PURE__ */ nameSet('summation');
/** Int32 before the counters: number of ranks, numbers per exchange, channels, and who gave up (its rank + 1). */
const [SIZE, CAPACITY, CHANNELS, FAILED, COUNTERS] = [0, 1, 2, 3, 4];

/**
 * Numbers of the longest message about so many channels: of ordered sums three rows, and the count of `GradientSums`
 * beside them.
 */
function capacityFor(channels: number, summation: Summation): number {
  return 3 * (1 + channels * (summation === 'exact' ? (1 + RECORD.numbers) / 3 : 1));
}

/** Int32 of the head: counters of exchanges, of each rank; padded for the numbers after it. */
function headLength(size: number): number {
  return Math.ceil((COUNTERS + size) / 2) * 2;
}

/** Two banks, in each a message of each rank: header and values. */
function bytesFor(size: number, capacity: number): number {
  return 4 * headLength(size) + 16 * size * (HEADER + capacity);
}

/** @throws RangeError where there is no room for so much */
function newShared(call: string, bytes: number): SharedArrayBuffer {
  try {
    return new SharedArrayBuffer(bytes);
  } catch (cause) {
    const wanted = 'no more ranks and channels than there is shared memory for';
    throw new RangeError(expected(call, 'size', wanted, `${bytes} bytes`), { cause });
  }
}

/**
 * A {@link Reducer} between the threads of one process (worker_threads, Web Workers) over shared memory. Each thread
 * makes its own over the same `ThreadReducer.memory`; an exchange blocks with `Atomics.wait`, which a browser's main
 * thread may not.
 *
 * Each exchange says what it is for; ranks at different places of their program (another layer, another step) get an
 * error with code ERR_BATCHNORM_MISMATCH that names them all, on every rank. After it they may go on.
 *
 * A rank that does not come in time is named in an Error with code ERR_BATCHNORM_TIMEOUT, in every rank that waits.
 * After it this memory serves no more: what the missing rank would send later belongs to another moment.
 *
 * @example
 * import { BatchNorm, ThreadReducer } from 'batchnorm';
 * const memory = ThreadReducer.memory(1, 2); // one rank; layers of two channels at most
 * const bn = new BatchNorm(2, { synchronize: new ThreadReducer(memory, 0) }); // in a worker: its own rank
 * bn.forward(Float32Array.of(1, 10, 3, 30), [2, 2]);
 * console.log(bn.batchMoments?.mean.join(' ')); // → 2 20
 */
export class ThreadReducer implements Reducer {
  /** The rank of this thread: 0 to size − 1. */
  readonly rank: number;
  /** The number of ranks. */
  readonly size: number;
  readonly #memory: SharedArrayBuffer;
  readonly #head: Int32Array<SharedArrayBuffer>;
  readonly #capacity: number;
  readonly #timeout: number;

  /**
   * Shared memory for this many ranks, of layers with up to this many channels: an exchange has room for 3·(1 +
   * channels) numbers. Hand it to the threads (a SharedArrayBuffer is not copied).
   *
   * @param size number of ranks, ≥ 1
   * @param channels of the widest layer, ≥ 0
   * @param options `summation: 'exact'` where a layer has it, for 36 numbers a channel
   * @throws TypeError, RangeError where they are not
   */
  static memory(size: number, channels: number, options: ThreadMemoryOptions = NO_OPTIONS): SharedArrayBuffer {
    const call = 'ThreadReducer.memory';
    checkSize(call, 'size', size);
    checkSize(call, 'channels', channels);
    if (size === 0) throw wrongValue(call, 'size', 'at least 1 rank', size);
    const { summation = 'ordered' } = readOptions(call, options, MEMORY_OPTIONS);
    checkSummation(call, summation);
    const capacity = capacityFor(channels, summation);
    const memory = newShared(call, bytesFor(size, capacity));
    const head = new Int32Array(memory);
    head[SIZE] = size;
    head[CAPACITY] = capacity;
    head[CHANNELS] = channels;
    return memory;
  }

  /**
   * @param memory from {@link ThreadReducer.memory}, the same in all threads
   * @param rank of this thread: 0 to size − 1, another one in each
   * @throws TypeError, RangeError where they are not
   */
  constructor(memory: SharedArrayBuffer, rank: number, options: ThreadReducerOptions = NO_OPTIONS) {
    const { timeout = 30_000 } = readOptions(CALL, options, OPTIONS);
    if (typeof timeout !== 'number') throw wrongKind(CALL, 'timeout', 'milliseconds', timeout);
    if (!(timeout >= 0)) throw wrongValue(CALL, 'timeout', 'milliseconds >= 0', timeout);
    this.size = checkMemory(memory);
    checkSize(CALL, 'rank', rank);
    if (rank >= this.size) throw wrongValue(CALL, 'rank', `less than the size of the memory, ${this.size}`, rank);
    this.rank = rank;
    this.#memory = memory;
    this.#head = new Int32Array(memory, 0, headLength(this.size));
    this.#capacity = this.#head[CAPACITY];
    this.#timeout = timeout;
  }

  /**
   * @throws TypeError where values is no Float64Array
   * @throws RangeError where this rank has more to say than the memory holds, or the ranks send different lengths
   * @throws Error with code ERR_BATCHNORM_MISMATCH where the ranks are not at the same exchange; all of them get it
   * @throws Error with code ERR_BATCHNORM_TIMEOUT naming the ranks that did not come, or the one that gave up before
   */
  exchange(values: Float64Array, tag?: ExchangeTag): readonly Float64Array[] {
    const call = `${CALL}.exchange`;
    if (kindOf(values) !== 'Float64Array') throw wrongKind(call, 'values', 'a Float64Array', values);
    checkTag(call, tag);
    const { length } = values;
    const fits = length <= this.#capacity;
    if (fits) this.#refuseFailed();
    const turn = (Atomics.load(this.#head, COUNTERS + this.rank) + 1) | 0;
    // The others hear of a message that is too long, unless some still read the one before the last, in whose place it
    // would be.
    if (fits || this.#behind((turn - 1) | 0).length === 0) this.#send(turn, values, tag);
    if (!fits) {
      const told = `(${this.#head[CHANNELS]} channels, as ThreadReducer.memory was told)`;
      // Without a tag nobody says what these are: mergeRanks may have been given exact ones.
      const mayBeExact = tag === undefined || tag.summation === 'exact';
      const exact = mayBeExact ? "; exact sums need its { summation: 'exact' }" : '';
      throw wrongValue(call, 'values', `at most ${this.#capacity} numbers ${told}${exact}`, length);
    }
    this.#awaitAll(turn);
    return this.#received(turn & 1, length);
  }

  /** Two banks: who writes the one again has seen all others finish reading it, since they have come to the next. */
  #send(turn: number, values: Float64Array, tag: ExchangeTag | undefined): void {
    const stride = HEADER + this.#capacity;
    const message = this.#messages(turn & 1).subarray(this.rank * stride, (this.rank + 1) * stride);
    writeHeader(message, tag, values.length, 'exchange');
    if (values.length <= this.#capacity) message.set(values, HEADER);
    Atomics.store(this.#head, COUNTERS + this.rank, turn);
    Atomics.notify(this.#head, COUNTERS + this.rank);
  }

  /** The ranks that have not come to this turn. */
  #behind(turn: number): number[] {
    const ranks = Array.from({ length: this.size }, (_, rank) => rank);
    return ranks.filter((rank) => isBehind(Atomics.load(this.#head, COUNTERS + rank), turn));
  }

  /** Messages of all ranks, one after the other. */
  #messages(bank: number): Float64Array {
    const length = this.size * (HEADER + this.#capacity);
    return new Float64Array(this.#memory, 4 * headLength(this.size) + 8 * bank * length, length);
  }

  /** The messages of all ranks, if they are about the same exchange. */
  #received(bank: number, length: number): Float64Array[] {
    const call = `${CALL}.exchange`;
    const stride = HEADER + this.#capacity;
    const all = this.#messages(bank);
    const messages = Array.from({ length: this.size }, (_, rank) => all.subarray(rank * stride, (rank + 1) * stride));
    const found = differences(all, stride);
    if (found === null) return messages.map((sent) => sent.slice(HEADER, HEADER + length));
    const other = messages.findIndex((sent) => lengthIn(sent) !== length);
    if (other === -1) throw mismatch(call, found);
    const layers = 'the same layers, in the same order';
    const wanted = `as many numbers from every rank (${layers}), ${length} as from rank ${this.rank}`;
    const got = `${lengthIn(messages[other])} from rank ${other}; ${found}`;
    throw Object.assign(new RangeError(expected(call, 'values', wanted, got)), { code: 'ERR_BATCHNORM_MISMATCH' });
  }

  /** Until every rank has come to this turn; counters wrap around. */
  #awaitAll(turn: number): void {
    const end = performance.now() + this.#timeout;
    for (let rank = 0; rank < this.size; rank++) {
      let seen = Atomics.load(this.#head, COUNTERS + rank);
      while (isBehind(seen, turn)) {
        this.#refuseFailed();
        const left = end - performance.now();
        if (!(left > 0)) throw this.#giveUp(turn);
        Atomics.wait(this.#head, COUNTERS + rank, seen, left);
        seen = Atomics.load(this.#head, COUNTERS + rank);
      }
    }
  }

  /** Tells the others, who would wait for nothing. */
  #giveUp(turn: number): Error {
    const missing = this.#behind(turn);
    Atomics.compareExchange(this.#head, FAILED, 0, this.rank + 1);
    for (let rank = 0; rank < this.size; rank++) Atomics.notify(this.#head, COUNTERS + rank);
    const ranks = `${missing.length === 1 ? 'rank' : 'ranks'} ${missing.join(', ')}`;
    return environmentError(
      'ERR_BATCHNORM_TIMEOUT',
      `ThreadReducer.exchange: rank ${this.rank} waited ${this.#timeout} ms for ${ranks} of ${this.size}; ` +
        'every rank must call forward and backward equally often, with an empty batch where it has no data',
    );
  }

  #refuseFailed(): void {
    const failed = Atomics.load(this.#head, FAILED);
    if (failed === 0) return;
    const missing = this.#behind(Atomics.load(this.#head, COUNTERS + failed - 1));
    const whom = missing.length === 0 ? 'another' : `${missing.length === 1 ? 'rank' : 'ranks'} ${missing.join(', ')}`;
    throw environmentError(
      'ERR_BATCHNORM_TIMEOUT',
      `ThreadReducer.exchange: rank ${failed - 1} gave up waiting for ${whom}; start again with new ` +
        'ThreadReducer.memory',
    );
  }
}

function isBehind(counter: number, turn: number): boolean {
  return ((counter - turn) | 0) < 0;
}

/** The number of ranks. @throws where this is no memory of a ThreadReducer */
function checkMemory(memory: unknown): number {
  const wanted = 'the SharedArrayBuffer of ThreadReducer.memory';
  if (!(memory instanceof SharedArrayBuffer)) throw wrongKind(CALL, 'memory', wanted, memory);
  const [size, capacity] = memory.byteLength >= 4 * COUNTERS ? new Int32Array(memory, 0, COUNTERS) : [0, 0];
  if (size < 1 || memory.byteLength !== bytesFor(size, capacity)) {
    throw wrongValue(CALL, 'memory', wanted, describe(memory));
  }
  return size;
}
