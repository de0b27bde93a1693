import { environmentError } from '../errors.js';
import { wrongKind, wrongValue } from '../messages.js';
import type { ExchangeTag, Reducer } from '../reducer.js';
import { checkOptions, NO_OPTIONS, nameSet } from '../validate.js';
import { describePlace, differences, HEADER, rankNames, writeEnd, writeHeader } from './header.js';
import { calling, joinSession, type Session } from './session.js';

export interface MpiReducerOptions {
  /**
   * How long an exchange waits for the other ranks, in milliseconds, ≥ 0. Default 300,000: five minutes, in which one of them may
   * write a file. Infinity is allowed.
   */
  timeout?: number | undefined;
}

const CALL = 'MpiReducer';
const OPTIONS = /* @__PURE__ */ nameSet('timeout');

/**
 * Numbers in the first message of an exchange: the header, and as many values as fit. Its size is the same whatever the
 * layer, since MPI wants equal sizes on all ranks; layers of up to 128 channels need no second message.
 */
const FIRST = HEADER + 258;

/**
 * A {@link Reducer} between the processes of an MPI job, on one machine or many: Open MPI, MPICH, or what is made of them.
 * Needs the addon for MPI (`npm run build:mpi`, or `BATCHNORM_MPI=1` at install), and a start by the `mpirun` of that MPI, or by
 * `srun`; a process that is started by itself is a job of one rank.
 *
 * What ranks send is gathered and joined in order of rank, so that all of them get the same bits whichever way MPI takes. Each
 * exchange says what it is for; ranks at different places of their program get an error that names them all. A process that
 * ends by an uncaught exception, or with another exit code than 0, ends the job. One that ends well waits for the others.
 *
 * All instances of a process speak through the same connection: their exchanges have one order, the same on every rank.
 *
 * @example
 * import { BatchNorm } from 'batchnorm';
 * import { MpiReducer } from 'batchnorm/mpi';
 * const reducer = new MpiReducer(); // mpirun -n 2 node train.js
 * const bn = new BatchNorm(1, { epsilon: 0, singleValue: 'allow', synchronize: reducer });
 * const y = bn.forward(Float32Array.of(reducer.rank), [1, 1]); // a value each: with two ranks y is -1, 1
 * console.log(y.length); // → 1
 */
export class MpiReducer implements Reducer {
  readonly rank: number;
  readonly size: number;
  /** What the MPI library calls itself. */
  readonly library: string;
  readonly #session: Session;
  readonly #timeout: number;
  readonly #sent = new Float64Array(FIRST);
  readonly #received: Float64Array;

  /**
   * Joins the job, if this process has not yet.
   *
   * @throws TypeError, RangeError where the options make no sense
   * @throws Error with code ERR_BATCHNORM_MPI where there is no addon, which says what to install, MPI does not start, or the
   *   launcher (mpirun, srun) belongs to another MPI: then each process would be a job of one rank
   */
  constructor(options: MpiReducerOptions = NO_OPTIONS) {
    checkOptions(CALL, options, OPTIONS);
    const { timeout = 300_000 } = options;
    if (typeof timeout !== 'number') throw wrongKind(CALL, 'timeout', 'milliseconds', timeout);
    if (!(timeout >= 0)) throw wrongValue(CALL, 'timeout', 'milliseconds >= 0', timeout);
    this.#session = joinSession(agreeToEnd);
    this.#timeout = timeout;
    const { rank, size, library } = this.#session;
    this.rank = rank;
    this.size = size;
    this.library = library;
    this.#received = new Float64Array(FIRST * size);
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
    const { length } = values;
    if (this.size === 1) return [values.slice()];
    writeHeader(this.#sent, tag, length);
    const fits = length <= FIRST - HEADER;
    if (fits) this.#sent.set(values, HEADER);
    meet(this.#session, this.#sent, this.#received, this.#timeout);
    // The first message's array is used again.
    if (fits) return this.#each((rank) => this.#received.slice(rank * FIRST + HEADER, rank * FIRST + HEADER + length));
    const received = new Float64Array(this.size * length);
    // Everyone has come to this exchange, and knows its length.
    calling(call, () => this.#session.addon.allgather(values, received));
    return this.#each((rank) => received.subarray(rank * length, (rank + 1) * length));
  }

  #each(part: (rank: number) => Float64Array): Float64Array[] {
    return Array.from({ length: this.size }, (_, rank) => part(rank));
  }
}

/** The first message, with which ranks find out whether they are at the same place. */
function meet(session: Session, sent: Float64Array, received: Float64Array, timeout: number): void {
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
  if (found === null) return;
  throw environmentError('ERR_BATCHNORM_MISMATCH', `${call}: the ranks are not at the same place: ${found}`);
}

function missingNames(missing: readonly number[], size: number): string {
  if (missing.length === 0) return `all ${size} ranks are there, but not everything came that they sent`;
  return `nothing came from ${rankNames(missing)} of ${size}`;
}

/** Waits, as long as it takes, until every rank is at its end. */
function agreeToEnd(session: Session): void {
  if (session.isBroken) return;
  const sent = new Float64Array(FIRST);
  writeEnd(sent);
  meet(session, sent, new Float64Array(FIRST * session.size), Infinity);
}
