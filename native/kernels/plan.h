// Which way a call walks through its tensors. Any way gives the same bits; docs/performance.md has the measurements.
//
//   tiles   some channels at a time, all their rows: read for the sums, and from the caches once more for the outputs.
//           Each thread takes tiles of its own.
//   rows    all channels at once, where tiles would be too narrow to read memory in order, or too few for the threads.
//           Threads share out the groups of rows, then the outputs, beginning with what was read last.
#pragma once
#include "elementwise.h"

namespace bn {
namespace BN_ISA {
namespace {

/** The narrowest piece of a row that is worth reading by itself, in bytes. In the caches, too: two threads that wrote
 * halves of each row of (3136,64), and half of the lines together, took 9 times as long as with half of the rows each,
 * of (1024,1024) twice as long. */
constexpr size_t MIN_RUN = 4096;
/** The narrowest piece of a row that a thread may have: a cache line. */
constexpr size_t MIN_PIECE = 64;
/** The narrowest piece of rows that are summed as columns, in bytes, if there are enough for all threads: two threads
 * took half the time for the sums of (6272,256) and (1024,1024) than with pieces of two cache lines. */
constexpr size_t WIDE_RUN = 2048;
/** Parts for each thread, so that one that is late leaves little to wait for. */
constexpr size_t PARTS_A_THREAD = 8;

struct Plan {
  /** Threads that take part. */
  size_t threads;
  /** Channels of a tile: c where the walk is by rows. */
  size_t tileChannels;
  /** The next tile is fetched while this one's outputs are written. */
  bool fetching;
  Manner manner;

  bool byTiles(View v) const { return threads == 1 || tileChannels < v.c; }
};

/** The threads that a call of so many bytes is worth. */
inline size_t threadsFor(size_t bytes, const Resources& resources) {
  return maxOf(1, minOf(resources.threads, bytes / resources.threadBytes));
}

/** Channels that a tile may have, when each has `bytes` that are read twice; 0 where not even one fits a cache. */
inline size_t fittingChannels(size_t bytes, size_t threads, const Resources& resources) {
  if (bytes <= resources.tileBytes) return resources.tileBytes / bytes;
  return bytes * threads <= resources.sharedBytes ? 1 : 0;
}

/** `reread` tensors are read in both passes (0: there is one pass), of `tensors` that are touched at all, of elements
 * of `width` bytes. */
inline Plan planOf(View v, size_t width, size_t reread, size_t tensors, const Resources& resources) {
  const size_t size = v.n * v.c * v.s * width;
  const size_t threads = threadsFor(size * tensors, resources);
  Plan plan{threads, v.c, false, {size * tensors >= resources.streamBytes, reread > 0}};
  // Where all fits the last level, one thread gains nothing by tiles: (32,256,14,14) took 0.85 of the time without
  // them.
  if (stackedRows(v) > 1 || reread == 0 || (threads == 1 && !plan.manner.streaming)) return plan;

  const bool cached = size * reread <= resources.tileBytes * threads;
  const size_t channelRow = v.s * width, channelBytes = v.n * channelRow * reread;
  const size_t fitting = cached ? divideUp(v.c, threads) : fittingChannels(channelBytes, threads, resources);
  if (fitting == 0) return plan;
  const size_t tiles = divideUp(divideUp(v.c, fitting), threads) * threads;
  const size_t wholeLines = divideUp(MIN_PIECE, channelRow);
  const size_t channels = divideUp(divideUp(v.c, tiles), wholeLines) * wholeLines;
  const bool balanced = divideUp(v.c, channels) % threads == 0 || v.c / channels >= 4 * threads;
  if (balanced && channels * channelRow >= MIN_RUN) {
    plan.tileChannels = minOf(channels, v.c);
    plan.fetching = 2 * channels * channelBytes * threads <= resources.sharedBytes;
  }
  return plan;
}

}  // namespace
}  // namespace BN_ISA
}  // namespace bn
