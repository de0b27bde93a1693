// An exact call on its way through its tensors, and how threads share it out. A thread that gets some rows or columns
// of channels that others have too adds them to records of its own, and whole numbers are added up at the end.
import { Call } from '../call';
import { coefficients } from '../coefficients';
import { NO_ACTIVATION } from '../kinds';
import { divideUp, maxOf, minOf } from '../layout';
import { isShared, PARTS_A_THREAD } from '../plan';
import { parallel } from '../pool';
import { carry, RECORD_BYTES } from './limbs';
import { OWN_BYTES } from './own';
import { resultsOfRecords } from './results';
import { LONG, Part, sumPart } from './sums';
import { CHANNELS, VALUES } from './tile';

/** The phase of these parts, by number: none of those in kinds.ts. */
export const EXACT: i32 = 1 << 8;
/** Parts of long rows begin at a multiple of this. */
const COLUMN_STEP: usize = 1024;
const PART_BYTES: usize = 64;

/** Bytes that a thread has for itself, with records if it needs some. */
function threadBytes(call: Call): usize {
  return ((call.c * RECORD_BYTES + 63) & ~63) + PART_BYTES + OWN_BYTES;
}

/** Bytes of the workspace for exact sums. In float64, where they cannot wrap round. */
export function exactBytes(call: Call): f64 {
  return <f64>call.threads * <f64>threadBytes(call);
}

/** Adds the exact sums of a call to its records: Σ x and Σ x² without dy, Σ g and Σ g·d with it. */
export function exactWalk(call: Call): void {
  call.prepare(4);
  const tensors: usize = call.dy == 0 ? 1 : call.activation == NO_ACTIVATION || call.residual == 0 ? 2 : 3;
  const size = call.n * call.c * call.s * call.storedBytes();
  call.threads = maxOf(1, minOf(call.threads, (size * tensors) / call.threadBytes));
  call.isExact = false;
  if (call.dy != 0) coefficients(call, 0, call.c);
  share(call);
}

/** Begins a pass with exact sums: without records of the caller's it has some of its own. */
export function beginExact(call: Call): void {
  call.isExact = true;
  call.keepsRecords = call.records != 0;
  if (!call.keepsRecords) call.records = own(call, 0);
}

/** mean and variance, or the gradient sums, of the channels of a tile. */
export function exactTile(call: Call, first: usize, last: usize, thread: usize): void {
  if (!isShared(call)) {
    const part = partOf(call, thread);
    part.first = first;
    part.last = last;
    part.firstRow = 0;
    part.lastRow = call.n;
    part.left = 0;
    part.right = call.s;
    sumPart(call, call.records, part, true, changetype<usize>(part) + PART_BYTES);
    return;
  }
  const all = call.c * RECORD_BYTES;
  memory.fill(call.records, 0, all);
  share(call);
  if (areRowsShared(call)) resultsOfRecords(call, changetype<usize>(partOf(call, 0)) + PART_BYTES);
}

/** Lets threads share what is to be added to the records. */
function share(call: Call): void {
  plan(call);
  const isJoined = areRowsShared(call);
  const bytes = call.c * RECORD_BYTES;
  if (isJoined) for (let t: usize = 1; t < call.threads; ++t) memory.fill(own(call, t), 0, bytes);
  parallel(call, EXACT, call.blocks * call.outer * call.chunks);
  if (!isJoined) return;
  for (let t: usize = 1; t < call.threads; ++t) {
    const from = own(call, t);
    for (let k: usize = 0; k < bytes; k += 8) {
      store<f64>(call.records + k, load<f64>(call.records + k) + load<f64>(from + k));
    }
  }
  for (let ch: usize = 0; ch < call.c; ++ch) carry(call.records + ch * RECORD_BYTES);
}

/** Blocks of channels, so that threads need no records, else of rows that fill groups, else of columns. */
function plan(call: Call): void {
  const wanted = call.threads > 1 ? call.threads * PARTS_A_THREAD : 1;
  const channels = divideUp(call.c, call.s < LONG ? CHANNELS : 1);
  const rows = divideUp(call.n, maxOf(1, VALUES / call.s));
  call.blocks = minOf(wanted, channels);
  if (call.blocks < wanted) call.blocks = minOf(call.blocks, call.threads);
  call.outer = minOf(divideUp(wanted, call.blocks), rows);
  call.chunks = minOf(divideUp(wanted, call.blocks * call.outer), divideUp(call.s, COLUMN_STEP));
}

function areRowsShared(call: Call): bool {
  return call.threads > 1 && call.outer * call.chunks > 1;
}

/** What a thread has for itself: records, then its part, then what sumPart works in. */
function own(call: Call, thread: usize): usize {
  return call.partials + thread * threadBytes(call);
}
function partOf(call: Call, thread: usize): Part {
  return changetype<Part>(own(call, thread) + ((call.c * RECORD_BYTES + 63) & ~63));
}

/** One part, on any thread. */
export function exactPart(call: Call, number: usize, thread: usize): void {
  const part = partOf(call, thread);
  const block = number % call.blocks;
  const outer = (number / call.blocks) % call.outer;
  const chunk = number / (call.blocks * call.outer);
  const step: usize = call.s < LONG ? CHANNELS : 1;
  const units = divideUp(call.c, step);
  part.first = ((units * block) / call.blocks) * step;
  part.last = minOf(((units * (block + 1)) / call.blocks) * step, call.c);
  part.firstRow = (call.n * outer) / call.outer;
  part.lastRow = (call.n * (outer + 1)) / call.outer;
  const columns = divideUp(call.s, COLUMN_STEP);
  part.left = ((columns * chunk) / call.chunks) * COLUMN_STEP;
  part.right = minOf(((columns * (chunk + 1)) / call.chunks) * COLUMN_STEP, call.s);
  const isJoined = areRowsShared(call);
  const records = isJoined && thread > 0 ? own(call, thread) : call.records;
  sumPart(call, records, part, call.isExact && !isJoined, changetype<usize>(part) + PART_BYTES);
}
