import { environmentError } from '../arguments/errors.js';
import { wrongKind, wrongValue } from '../arguments/messages.js';
import { NO_OPTIONS, nameSet, readOptions } from '../arguments/options.js';
import {
  checkTag,
  describePlace,
  differences,
  HEADER,
  mismatch,
  rankNames,
  type Way,
  writeEnd,
  writeHeader,
} from '../ranks/exchange-header.js';
import { type Columns, type Join, writeRows } from '../ranks/payload.js';
import { allreduceByExchange, type ExchangeTag, type Reducer } from '../ranks/reducer.js';
import { calling, joinSession, type Session } from './session.js';

/** Options of a {@link MpiReducer}, all of them optional. */
export interface MpiReducerOptions {
  /**
   * How long an exchange waits for the other ranks, in milliseconds, ≥ 0. Default 300,000: five minutes, in which one
   * of them may write a file. Infinity is allowed.
   */
  timeout?: number | undefined;
}

const CALL = 'MpiReducer';
const OPTIONS = /* @__PURE__ */ nameSet('timeout');
const NOTHING = new Float64Array(0);

/**
 * Numbers in the first message of an exchange: the header, and as many values as fit. Its size is the same whatever the
 * layer, since MPI wants equal sizes on all ranks. With up to 31 ranks layers of 128 channels need no second message;
 * with more all of them together have about 64 KB, which is received in the time of a message.
 */
function firstLength(size: number): number {
  return Math.max(HEADER + MOST_HEAD, Math.min(HEADER + 258, Math.floor(8192 / size)));
}

/** The most numbers in the head of {@link Columns}. */
const MOST_HEAD = 2;

/**
 * Where everybody would receive and join more numbers than this, ranks divide an all-reduce among them:
 * docs/distributed.md.
 */
const DIVIDED = 8192;

/**
 * A {@link Reducer} between the processes of an MPI job, on one machine or many: Open MPI, MPICH, or what is made of
 * them. Needs the addon for MPI (`npx batchnorm build --mpi`), and a start by the `mpirun` of that MPI, or by `srun`; a
 * process that is started by itself is a job of one rank.
 *
 * What ranks send is joined in order of rank, by each of them or by one for all, so that they get the same bits
 * whichever way MPI takes. Each exchange says what it is for; ranks at different places of their program get an error
 * that names them all. A process that ends by an uncaught exception, or with another exit code than 0, ends the job.
 * One that ends well waits for the others.
 *
 * All instances of a process speak through the same connection: their exchanges have one order, the same on every rank.
 *
 * @example
 * // Needs MPI: mpirun -n 2 node train.js
 * import { BatchNorm } from 'batchnorm';
 * import { MpiReducer } from 'batchnorm/mpi';
 * const reducer = new MpiReducer();
 * const bn = new BatchNorm(1, { epsilon: 0, singleValue: 'allow', synchronize: reducer });
 * const y = bn.forward(Float32Array.of(reducer.rank), [1, 1]); // a value each: with two ranks y is -1, 1
 * console.log(y.length); // → 1
 */
export class MpiReducer implements Reducer {
  /** The rank of this process in the job: 0 to size − 1. */
  readonly rank: number;
  /** The number of ranks of the job. */
  readonly size: number;
  /** Name and version of the MPI library, such as 'Open MPI v4.1.4'. */
  readonly library: string;
  readonly #session: Session;
  readonly #timeout: number;
  readonly #sent: Float64Array;
  readonly #received: Float64Array;

  /**
   * Joins the job, if this process has not yet.
   *
   * @throws TypeError, RangeError where the options make no sense
   * @throws Error with code ERR_BATCHNORM_MPI where there is no addon, which says what to install, MPI does not start,
   *   or the launcher (mpirun, srun) belongs to another MPI: then each process would be a job of one rank
   */
  constructor(options: MpiReducerOptions = NO_OPTIONS) {
    const { timeout = 300_000 } = readOptions(CALL, options, OPTIONS);
    if (typeof timeout !== 'number') throw wrongKind(CALL, 'timeout', 'milliseconds', timeout);
    if (!(timeout >= 0)) throw wrongValue(CALL, 'timeout', 'milliseconds >= 0', timeout);
    this.#session = joinSession(agreeToEnd);
    this.#timeout = timeout;
    const { rank, size, library } = this.#session;
    this.rank = rank;
    this.size = size;
    this.library = library;
    this.#sent = new Float64Array(firstLength(size));
    this.#received = new Float64Array(this.#sent.length * size);
  }

  /**
   * @throws TypeError where values is no Float64Array
   * @throws Error with code ERR_BATCHNORM_MISMATCH where the ranks are not at the same exchange; all of them get it
   * @throws Error with code ERR_BATCHNORM_TIMEOUT where some did not come in time; after it this process can only end
   * @throws Error with code ERR_BATCHNORM_MPI where MPI reports an error
   */
  exchange(values: Float64Array, tag?: ExchangeTag): readonly Float64Array[] {
    const call = `${CALL}.exchange`;
    if (!(values instanceof Float64Array)) throw wrongKind(call, 'values', 'a Float64Array', values);
    checkTag(call, tag);
    const { length } = values;
    if (this.size === 1) return [values.slice()];
    const fits = length <= this.#sent.length - HEADER;
    const first = this.#meet(tag, length, 'exchange', fits ? values : NOTHING);
    if (fits) return first;
    const received = new Float64Array(this.size * length);
    // Everyone has come to this exchange, and knows its length.
    calling(call, () => this.#session.addon.allgather(values, received));
    return this.#each((rank) => received.subarray(rank * length, (rank + 1) * length));
  }

  /**
   * `join` of what all ranks have, the same bits on all of them. Where that is much, each rank joins a share of the
   * columns, and receives about twice what one has, instead of what all have.
   *
   * @throws what {@link exchange} throws
   */
  allreduce(own: Columns, join: Join, tag?: ExchangeTag): readonly Float64Array[] {
    const { head, rows } = own;
    const length = head.length + rows.length * rows[0].length;
    if (this.size <= 2 || this.size * length <= DIVIDED || head.length > MOST_HEAD) {
      return allreduceByExchange(own, join, (values) => this.exchange(values, tag));
    }
    const call = `${CALL}.allreduce`;
    checkTag(call, tag);
    const heads = this.#meet(tag, length, 'all-reduce', head);
    const parts = this.#scatter(call, own).map((part, rank) => ({ head: heads[rank], rows: part }));
    return this.#gather(call, join(parts, this.#startOf(this.rank, rows[0].length)), rows[0].length);
  }

  /** Where the columns begin that a rank joins. */
  #startOf(rank: number, columns: number): number {
    return Math.min(rank * Math.ceil(columns / this.size), columns);
  }

  /** The rows of each rank, for the columns that this rank joins. */
  #scatter(call: string, { rows }: Columns): Float64Array[][] {
    const columns = rows[0].length;
    const share = Math.ceil(columns / this.size);
    const block = rows.length * share;
    const [sent, received] = [new Float64Array(this.size * block), new Float64Array(this.size * block)];
    for (let to = 0; to < this.size; to++) {
      const [start, end] = [this.#startOf(to, columns), this.#startOf(to + 1, columns)];
      rows.forEach((row, i) => {
        sent.set(row.subarray(start, end), to * block + i * share);
      });
    }
    calling(call, () => this.#session.addon.alltoall(sent, received));
    const own = this.#startOf(this.rank + 1, columns) - this.#startOf(this.rank, columns);
    const rowAt = (start: number) => received.subarray(start, start + own);
    return this.#each((rank) => rows.map((_, i) => rowAt(rank * block + i * share)));
  }

  /** The rows of all columns, of which this rank has joined its share. */
  #gather(call: string, joined: readonly Float64Array[], columns: number): Float64Array[] {
    const share = Math.ceil(columns / this.size);
    const block = joined.length * share;
    const [sent, received] = [new Float64Array(block), new Float64Array(this.size * block)];
    writeRows(sent, joined, share);
    calling(call, () => this.#session.addon.allgather(sent, received));
    const whole = joined.map(() => new Float64Array(columns));
    for (let from = 0; from < this.size; from++) {
      const [start, end] = [this.#startOf(from, columns), this.#startOf(from + 1, columns)];
      whole.forEach((row, i) => {
        const first = from * block + i * share;
        row.set(received.subarray(first, first + end - start), start);
      });
    }
    return whole;
  }

  /** The first message: whether the ranks are at the same place, and the few values that fit with it. */
  #meet(tag: ExchangeTag | undefined, length: number, way: Way, values: Float64Array): Float64Array[] {
    writeHeader(this.#sent, tag, length, way);
    this.#sent.set(values, HEADER);
    meet(this.#session, this.#sent, this.#received, this.#timeout);
    // The array of the first message is used again.
    const startOf = (rank: number) => rank * this.#sent.length + HEADER;
    return this.#each((rank) => this.#received.slice(startOf(rank), startOf(rank) + values.length));
  }

  #each<T>(part: (rank: number) => T): T[] {
    return Array.from({ length: this.size }, (_, rank) => part(rank));
  }
}

/** The first message, with which ranks find out whether they are at the same place. */
function meet(session: Session, sent: Float64Array, received: Float64Array, timeout: number): void {
  // This is the same on all ranks, even if some are at an exchange and others at an all-reduce.
  const call = `${CALL}.exchange`;
  const { rank, addon } = session;
  const here = () => `rank ${rank} is at ${describePlace(sent)}`;
  if (session.isBroken) {
    throw environmentError('ERR_BATCHNORM_TIMEOUT', `${call}: an exchange was given up before; ${here()}`);
  }
  const missing = calling(call, () => addon.meet(sent, received, timeout));
  if (missing !== null) {
    session.isBroken = true;
    const message =
      `${call}: ${here()} and waited ${timeout} ms; ${missingNames(missing, session.size)}. ` +
      'Every rank must call forward and backward equally often, with an empty batch where it has no data';
    throw environmentError('ERR_BATCHNORM_TIMEOUT', message);
  }
  const found = differences(received, sent.length);
  if (found !== null) throw mismatch(call, found);
}

function missingNames(missing: readonly number[], size: number): string {
  if (missing.length === 0) return `all ${size} ranks are there, but not everything came that they sent`;
  return `nothing came from ${rankNames(missing)} of ${size}`;
}

/** Waits, as long as it takes, until every rank is at its end. */
function agreeToEnd(session: Session): void {
  if (session.isBroken) return;
  const sent = new Float64Array(firstLength(session.size));
  writeEnd(sent);
  meet(session, sent, new Float64Array(sent.length * session.size), Infinity);
}
