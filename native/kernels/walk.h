// One call on its way through its tensors, by the plan of plan.h: it shares out sums and outputs among the threads. The
// kernels say what is summed and written, tile by tile.
#pragma once
#include "coefficients.h"
#include "elementwise.h"
#include "plan.h"

namespace bn {
namespace BN_ISA {
namespace {

/** Some channels, of which one thread has all rows; where `shared`, all channels, of which threads share the rows. */
struct Tile {
  Channels channels;
  bool shared;
};

/** Calls body(part) for each part, on several threads. */
template <class Body>
void parallel(const Resources& resources, size_t threads, size_t parts, const Body& body) {
  if (threads == 1 || parts == 1) {
    for (size_t part = 0; part < parts; ++part) body(part);
  } else {
    resources.run(
        threads, parts, [](const void* job, size_t part) { (*static_cast<const Body*>(job))(part); }, &body);
  }
}

/**
 * The units in which groups of rows and channels are shared out among threads: `outer` groups or rows, each of them in
 * `blocks` of channels, and each long row in `chunks` of segments. A thread has neighbouring units: those of a block,
 * so that the last group, which is shorter, makes no difference where each thread has whole blocks; of long rows those
 * that lie side by side.
 */
struct Units {
  size_t outer, blocks, chunks;

  Units(View v, size_t threads, size_t width) {
    const size_t wanted = threads * PARTS_PER_THREAD, rowBytes = v.s * width;
    outer = asLongRows(v) ? v.n : groupsOf(v);
    const size_t narrowest = stackedRows(v) > 1 ? v.c : divideUp(MIN_PIECE, rowBytes);
    const size_t wide = asColumns(v) ? maxOf(v.c * rowBytes / WIDE_RUN, divideUp(threads, outer)) : v.c;
    const size_t most = divideUp(v.c, narrowest);
    blocks = minOf(minOf(divideUp(wanted, outer), wide), most);
    if (asColumns(v)) blocks = evenBlocks(v, threads, minOf(most, maxOf(blocks, v.c * rowBytes / EVEN_RUN)));
    while (asColumns(v) && blocks < most && !isBalanced(outer * blocks, threads)) ++blocks;
    chunks = minOf(divideUp(wanted, outer * blocks), segmentsOf(v));
  }
  size_t count() const { return outer * blocks * chunks; }

  Groups groups(View v, size_t unit) const {
    const size_t o = outerOf(v, unit), chunk = unit % chunks, segments = segmentsOf(v);
    return {o * segments + segments * chunk / chunks, o * segments + segments * (chunk + 1) / chunks};
  }
  Channels channels(View v, size_t unit) const {
    const size_t block = asLongRows(v) ? unit / chunks % blocks : unit / outer;
    return {v.c * block / blocks, v.c * (block + 1) / blocks};
  }

 private:
  size_t outerOf(View v, size_t unit) const { return asLongRows(v) ? unit / (blocks * chunks) : unit % outer; }
  /** The fewest blocks, at least as many as there are, that give each thread as many rows; else as many as there are.
   */
  size_t evenBlocks(View v, size_t threads, size_t most) const {
    for (size_t more = blocks; more <= most; ++more) {
      const size_t rows = divideUp(outer * more, threads) * minOf(groupRows(v), v.n);
      if (more % threads == 0 || 8 * rows * threads <= 9 * v.n * more) return more;
    }
    return blocks;
  }
};

/** The outputs of all channels, shared out in parts one behind the other: rows where the walk is across, else elements.
 */
struct OutputParts {
  bool across;
  size_t count, unit, units;

  /** Cache lines of elements of `width` bytes are not taken apart, so that no two threads write to the same one. */
  OutputParts(View v, size_t threads, size_t width)
      : across(v.s < ACROSS_BELOW),
        count(threads * PARTS_PER_THREAD),
        unit(across ? stackedRows(v) : LINE_BYTES / width),
        units(divideUp(across ? v.n : v.n * v.c * v.s, unit)) {}
  /** Where a part begins. The last one may end behind the tensor. */
  size_t begin(size_t part) const { return units * part / count * unit; }
};

/** The plan of a call, and what its kernel needs beside the arguments, laid out in the memory that the caller lends. */
template <class T>
class Walk {
 public:
  const View v;
  const Plan plan;
  double* totals;                  // [2c] two sums per channel
  GradientSums sums;               // [c] each
  Coefficients<Wide<T>> channels;  // [c] each

  /** planOf explains `reread` and `tensors`. `output` is the first tensor that is written, if there is one. */
  Walk(size_t reread, size_t tensors, const Call& call, const T* output = nullptr)
      : v(call.view),
        plan(planOf(v, sizeof(T), reread, tensors, call.resources)),
        resources_(call.resources),
        base_(static_cast<double*>(call.scratch)) {
    totals = take(2 * v.c);
    sums = {take(v.c), take(v.c)};
    const auto next = [&] { return reinterpret_cast<Wide<T>*>(take(v.c + 2 * LANES)) + intoVectors(output); };
    channels = {next(), next(), next(), next(), next()};
    partials_ = base_;
  }

  /** Bytes of scratch: for all that the constructor takes, and for partial sums where several threads may take part. */
  static size_t bytes(View v, const Resources& resources) {
    const bool alone = threadsFor(MAX_TENSORS * v.n * v.c * v.s * sizeof(T), resources) == 1;
    return (9 * (v.c + 2 * LANES + 8) + (alone ? 0 : groupsOf(v) * 2 * v.c)) * sizeof(double);
  }

  /** A copy of cached coefficients of `normalize`, behind which there is room to go on round the end of a row. */
  Coefficients<Wide<T>> copied(const Coefficients<Wide<T>>& from) const {
    std::memcpy(channels.center, from.center, v.c * sizeof(Wide<T>));
    std::memcpy(channels.scale, from.scale, v.c * sizeof(Wide<T>));
    std::memcpy(channels.offset, from.offset, v.c * sizeof(Wide<T>));
    return channels;
  }

  /** Calls body(tile) for all channels. */
  template <class Body>
  void tiles(const Body& body) const {
    if (!plan.byTiles(v)) return body(Tile{{0, v.c}, true});
    const size_t count = divideUp(v.c, plan.tileChannels);
    parallel(resources_, plan.threads, count, [&](size_t tile) {
      const size_t first = tile * plan.tileChannels;
      body(Tile{{first, minOf(first + plan.tileChannels, v.c)}, false});
    });
  }

  /**
   * The distance in elements to those that are fetched while outputs are written past the caches: to the same rows of
   * the next tile, so that memory reads and writes at once, or the usual distance where no tile follows.
   */
  size_t ahead(Tile tile) const {
    return plan.fetching && tile.channels.last + plan.tileChannels <= v.c ? plan.tileChannels * v.s
                                                                          : FETCHED_BYTES / 2 / sizeof(T);
  }

  /** totals[ch], totals[c + ch] ← the two sums of each channel of the tile. */
  template <class Term>
  void reduce(const Term& term, Tile tile) const {
    const Channels all = tile.channels;
    clear(totals, all);
    const bool cached = bytesOf<Term>(v) <= resources_.sharedBytes;
    if (!tile.shared) return reduceGroups({totals, v.c, 0}, term, v, {0, groupsOf(v)}, all, cached);

    const Units units(v, plan.threads, sizeof(T));
    parallel(resources_, plan.threads, units.count(), [&](size_t unit) {
      const Groups groups = units.groups(v, unit);
      const Channels part = units.channels(v, unit);
      for (size_t g = groups.first; g < groups.last; ++g) {
        clear(partials_ + g * 2 * v.c, part);
      }
      reduceGroups({partials_, v.c, 2 * v.c}, term, v, groups, part, cached);
    });
    addPartials();
  }

  /** Writes the elements of the tile. */
  template <class Map>
  void map(const Map& map, Tile tile) const {
    const bool across = v.s < ACROSS_BELOW;
    // Rows that are too short to be written past the caches by themselves are written across channels.
    const size_t acrossBelow = plan.manner.streaming ? UNALIGNED_BELOW : TILES_ACROSS_BELOW;
    if (v.c > COLUMNS_AT_ONCE && tile.channels.last - tile.channels.first == v.c) closeRing();
    if (tile.shared) {
      const OutputParts parts(v, plan.threads, sizeof(T));
      parallel(resources_, plan.threads, parts.count, [&](size_t index) {
        const size_t part = plan.manner.descending ? parts.count - 1 - index : index;
        mapUnits(map, parts.begin(part), parts.begin(part + 1));
      });
    } else if (tile.channels.last - tile.channels.first == v.c) {
      mapUnits(map, 0, v.n * v.c * v.s);
    } else if (across || (v.s < acrossBelow && v.n >= 16)) {
      mapAcross(map, v, 0, v.n, tile.channels, plan.manner);
    } else {
      for (size_t i = v.n; i-- > 0;) {
        mapAlong(map, v, (i * v.c + tile.channels.first) * v.s, (i * v.c + tile.channels.last) * v.s, plan.manner);
      }
    }
  }

 private:
  /** Begins the two sums of each of these channels. */
  BN_NOINLINE void clear(double* sums, Channels all) const {
    for (size_t ch = all.first; ch < all.last; ++ch) sums[ch] = sums[v.c + ch] = 0;
  }
  /** Adds the partial sums of all groups to the totals, in order. */
  BN_NOINLINE void addPartials() const {
    for (size_t g = 0; g < groupsOf(v); ++g) {
      for (size_t j = 0; j < 2 * v.c; ++j) totals[j] += partials_[g * 2 * v.c + j];
    }
  }
  /** No kernel touches more: dx, dresidual, dy, x and residual. */
  static constexpr size_t MAX_TENSORS = 5;

  /** Copies the first coefficients behind the last ones, for vectors that end in the next row. */
  BN_NOINLINE void closeRing() const {
    Wide<T>* const all[] = {channels.center, channels.scale, channels.offset, channels.dxSlope, channels.dxOffset};
    for (Wide<T>* each : all) std::memcpy(each + v.c, each, LANES * sizeof(Wide<T>));
  }
  /** Takes `length` doubles of the memory, each time from a multiple of 64 bytes on. */
  double* take(size_t length) {
    double* taken = base_;
    base_ += divideUp(length, 8) * 8;
    return taken;
  }
  /** Writes rows first .. last of all channels where the walk is across them, else elements first .. last. */
  template <class Map>
  void mapUnits(const Map& map, size_t first, size_t last) const {
    if (v.s < ACROSS_BELOW) {
      mapAcross(map, v, first, minOf(last, v.n), {0, v.c}, plan.manner);
    } else {
      mapAlong(map, v, first, minOf(last, v.n * v.c * v.s), plan.manner);
    }
  }

  const Resources& resources_;
  double* base_;
  double* partials_;  // [groups][2c] the two sums of each group, where threads share the rows
};

}  // namespace
}  // namespace BN_ISA
}  // namespace bn
