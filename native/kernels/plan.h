// The way in which a call walks through its tensors. Any way gives the same bits; docs/performance.md measures them.
//
//   tiles   A tile is all rows of some channels. It is read for the sums, and once more, from the caches, for the
//           outputs. Each thread takes tiles of its own.
//   rows    All channels are taken at once where tiles would be too narrow to read memory in order, or too few for the
//           threads. Threads share out the groups of rows, then the outputs, beginning with those that were read last.
#pragma once
#include "elementwise.h"

namespace bn {
namespace BN_ISA {
namespace {

/**
 * The narrowest piece of a row that is worth reading by itself, in bytes. This holds in the caches, too: threads that
 * write pieces of the same row share cache lines, and wait for each other.
 */
constexpr size_t MIN_RUN = 4096;
/** The narrowest piece of a row that a thread may have, in bytes: a cache line. */
constexpr size_t MIN_PIECE = 64;
/** The narrowest piece of rows that are summed as columns, in bytes, if there are enough pieces for all threads. */
constexpr size_t WIDE_RUN = 2048;
/** The same, if it is this that gives all threads equal shares. */
constexpr size_t EVEN_RUN = 512;
/** The number of parts for each thread: a thread that is late then leaves little to wait for. */
constexpr size_t PARTS_PER_THREAD = 8;

struct Plan {
  /** The number of threads that take part. */
  size_t threads;
  /** The number of channels of a tile; c where the walk is by rows. */
  size_t tileChannels;
  /** Whether the next tile is fetched while the outputs of this one are written. */
  bool fetching;
  Manner manner;

  bool byTiles(View v) const { return threads == 1 || tileChannels < v.c; }
};

/** Whether no thread has much more than its share where so many equal units are dealt out to so many threads. */
inline bool isBalanced(size_t units, size_t threads) { return 2 * divideUp(units, threads) * threads <= 3 * units; }

/** The number of threads that a call of so many bytes is worth. */
inline size_t threadsFor(size_t bytes, const Resources& resources) {
  return maxOf(1, minOf(resources.threads, bytes / resources.threadBytes));
}

/**
 * The number of channels of `bytes` each, with rows of `rowBytes`, that a cache holds until they are read again; 0
 * where it is not even one. Half of the second level, a quarter of tileBytes, holds them best, if it holds runs that
 * are not too narrow.
 */
inline size_t fittingChannels(size_t bytes, size_t rowBytes, size_t threads, const Resources& resources) {
  const size_t near = resources.tileBytes / 4 / bytes;
  if (near * rowBytes >= MIN_RUN) return near;
  if (bytes <= resources.tileBytes) return resources.tileBytes / bytes;
  return bytes * threads <= resources.sharedBytes ? 1 : 0;
}

/**
 * Whether tiles pay for one thread, which reads `twice` bytes two times. Where the last cache, which is two times
 * sharedBytes, holds those, tiles only cut the order of memory into pieces. Planes of 7×7 gain earlier, since they are
 * written past the caches in tiles alone. docs/performance.md has the measurements.
 */
inline bool paysAlone(View v, size_t twice, Manner manner, const Resources& resources) {
  return v.s < TILES_ACROSS_BELOW ? manner.streaming : twice >= 2 * resources.sharedBytes;
}

/**
 * The plan of a call that touches `tensors` tensors of elements of `width` bytes. `reread` of them are read for the
 * sums and for the outputs; it is 0 where there is one pass.
 */
inline Plan planOf(View v, size_t width, size_t reread, size_t tensors, const Resources& resources) {
  const size_t size = v.n * v.c * v.s * width;
  const size_t threads = threadsFor(size * tensors, resources);
  Plan plan{threads, v.c, false, {size * tensors >= resources.streamBytes, reread > 0}};
  if (stackedRows(v) > 1 || reread == 0 || (threads == 1 && !paysAlone(v, size * reread, plan.manner, resources))) {
    return plan;
  }

  const bool cached = size * reread <= resources.tileBytes * threads;
  const size_t channelRow = v.s * width, channelBytes = v.n * channelRow * reread;
  const size_t fitting =
      cached ? divideUp(v.c, threads) : fittingChannels(channelBytes, channelRow, threads, resources);
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
