// Which way a call walks through its tensors. Any way gives the same bits; docs/wasm.md has the measurements.
//
//   tiles   some channels at a time, all their rows: read for the sums, and from the caches once more for the outputs.
//           Each thread takes tiles of its own.
//   rows    all channels at once, where tiles would be too narrow to read memory in order, or too few for the threads.
//           Threads share out the groups of rows, then the outputs, beginning with what was read last.
import { Call } from './call';
import { asLongRows, divideUp, groupsOf, maxOf, minOf, segmentsOf, stackedRows } from './layout';

/** The narrowest piece of a row that is worth reading by itself from memory, in bytes: a page. */
const LEAST_RUN: usize = 4096;
/** The narrowest piece of a row that is worth reading by itself from the caches: a cache line. */
const LINE_BYTES: usize = 64;
/**
 * Where all fits the last cache, one thread gains nothing by tiles: (1024, 1024) forward took 0.7 of the time without.
 */
const CACHED_BYTES: usize = 33554432;
/** Parts for each thread, so that one that is late leaves little to wait for. */
export const PARTS_A_THREAD: usize = 4;

/** Decides. `reread` tensors are read in both passes (0: there is one pass), of `tensors` that are touched at all. */
export function plan(call: Call, reread: usize, tensors: usize): void {
  const size = call.n * call.c * call.s * call.storedBytes();
  call.threads = maxOf(1, minOf(call.threads, (size * tensors) / call.threadBytes));
  call.tileChannels = call.c;
  const tiled = call.threads > 1 || size * tensors > CACHED_BYTES;
  if (tiled && reread > 0 && stackedRows(call.c, call.s) == 1 && !call.accumulate) planTiles(call, reread);
  const wanted = call.threads * PARTS_A_THREAD;
  const narrowest: usize = stackedRows(call.c, call.s) > 1 ? call.c : divideUp(LINE_BYTES, call.s * call.storedBytes());
  call.outer = asLongRows(call.s) ? call.n : groupsOf(call.n, call.c, call.s);
  call.blocks = minOf(divideUp(wanted, call.outer), divideUp(call.c, narrowest));
  call.chunks = minOf(divideUp(wanted, call.outer * call.blocks), segmentsOf(call.s));
}

function planTiles(call: Call, reread: usize): void {
  const c = call.c;
  const threads = call.threads;
  const channelRow = call.s * call.storedBytes();
  const channelBytes = call.n * channelRow * reread;
  const cached = channelBytes * c <= call.tileBytes * threads;
  const fitting: usize = cached ? divideUp(c, threads) : call.tileBytes / channelBytes;
  if (fitting == 0) return;
  const tiles = divideUp(divideUp(c, fitting), threads) * threads;
  const wholeLines = divideUp(LINE_BYTES, channelRow);
  const channels = divideUp(divideUp(c, tiles), wholeLines) * wholeLines;
  const balanced = divideUp(c, channels) % threads == 0 || c / channels >= 4 * threads;
  if (balanced && channels * channelRow >= (cached ? LINE_BYTES : LEAST_RUN)) call.tileChannels = minOf(channels, c);
}

/** Whether threads share the rows of one tile that has all channels. */
export function isShared(call: Call): bool {
  return call.threads > 1 && call.tileChannels == call.c;
}
