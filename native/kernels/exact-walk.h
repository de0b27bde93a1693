// How exact sums walk through tensors: any way gives the same integers.
//
//   planes    a channel's s values lie side by side: channel by channel, its rows one behind the other.
//   columns   s is small: a row of c·s values is a row of columns, each of which belongs to a channel. Narrow rows are
//             taken several at a time, as they lie in memory.
//
// Threads share out channels, and the values of each; every part has sums of its own, which are added up at the end.
#pragma once
#include "exact-source.h"
#include "walk.h"

namespace bn {
namespace BN_ISA {
namespace {

/** Rows shorter than this are columns: those of one vector that takes a cache line, too. */
constexpr size_t PLANES_FROM = F::LENGTH < 16 ? 16 : 17;
/** Columns of a block, and the values of those rows that a vector of columns takes before the next one has its turn:
 * all columns of them stay in the first cache. */
constexpr size_t COLUMNS = 64, VALUES_TOGETHER = 4096;
/** Rows of a block where rows lie far apart and vectors are parts of cache lines: these are wanted again before they
 * are lost. */
constexpr size_t FAR_ROWS_TOGETHER = 16;
/**
 * Lines of one column fall into few places of the caches where rows are a multiple of so many floats apart. Blocks are
 * as wide as can be there, and few rows are taken together, as the processor fetches them by itself: more of a row at
 * once. Where all rows fall into the same places, there is no room for those that come next, and what lies so many
 * floats on is asked for instead. Whole numbers gain from wide blocks sooner, since they are kept in less memory.
 */
constexpr size_t CROWDED = 1024, CROWDED_OF_FIXED = 256, CROWDED_AHEAD = 64;
/** Values of planes that are brought together before they are summed, with as many of d. */
constexpr size_t PAIRS_GATHERED = 2048;
/** The least values of a channel that are worth sums of their own, and where threads would have nothing to do else:
 * the sums of a part are 280 bytes a channel, at most 3.5 % of the bytes that it reads. */
constexpr size_t LEAST_PART = 4096, LEAST_OF_IDLE = 2048;

/** The columns that a block has at most. */
inline size_t columnsOf(View v, bool ifma) {
  const size_t crowded = CAN_BE_FIXED && ifma ? CROWDED_OF_FIXED : CROWDED;
  return v.c * v.s % crowded == 0 ? MOST_COLUMNS : COLUMNS;
}

/** How the work is shared out: `blocks` of channels, in `parts` of values or rows each. */
struct Shares {
  bool planes;
  size_t columns, stacked, step, blocks, parts;

  Shares(View v, size_t threads, bool ifma) {
    planes = v.s >= PLANES_FROM;
    columns = columnsOf(v, ifma);
    stacked = maxOf(1, columns / (v.c * v.s));
    const size_t wanted = threads == 1 ? 1 : threads * PARTS_PER_THREAD, most = maxOf(1, v.n * v.s / LEAST_PART);
    step = maxOf(1, columns / v.s);
    // Where rows do not give enough parts, blocks become narrower, down to a cache line: they need no joining.
    const size_t line = divideUp(MIN_PIECE, v.s * sizeof(float));
    while (stacked == 1 && step > line && !isBalanced(divideUp(v.c, step) * most, threads))
      step = maxOf(line, step / 2);
    blocks = planes ? minOf(wanted, v.c) : divideUp(v.c, step);
    parts = minOf(divideUp(wanted, blocks), most);
    const size_t mostParts = partsAtMost(v, threads, columns);
    while (parts < mostParts && !isBalanced(blocks * parts, threads)) ++parts;
  }
  /** As many parts as there can be with so many threads or fewer, and blocks of so many columns or fewer. */
  static size_t partsAtMost(View v, size_t threads, size_t columns = MOST_COLUMNS) {
    if (threads == 1) return 1;
    const size_t wanted = threads * PARTS_PER_THREAD;
    const size_t blocks = v.s >= PLANES_FROM ? minOf(wanted, v.c) : divideUp(v.c, maxOf(1, columns / v.s));
    return minOf(divideUp(wanted, blocks), maxOf(1, v.n * v.s / LEAST_OF_IDLE));
  }
  Channels channels(View v, size_t block) const {
    if (planes) return {v.c * block / blocks, v.c * (block + 1) / blocks};
    return {block * step, minOf((block + 1) * step, v.c)};
  }
};

/** The threads that add up the sums of all parts: each takes some of the channels. */
inline size_t joiningThreads(View v, size_t parts, const Resources& resources) {
  return minOf(v.c, threadsFor(parts * v.c * RECORD * sizeof(int64_t), resources));
}

/** Takes the sums of channels first .. last − 1. */
struct Taker {
  void (*call)(const void* job, Channels channels, ExactTotals& totals);
  const void* job;

  template <class Job>
  static Taker of(const Job& job) {
    return {[](const void* own, Channels channels, ExactTotals& totals) {
              (*static_cast<const Job*>(own))(channels, totals);
            },
            &job};
  }
  void operator()(Channels channels, ExactTotals& totals) const { call(job, channels, totals); }
};

/** One call. A source has
 *   SQUARES, whether d is g, and DIRECT, whether values may be summed where they are;
 *   g() and d(), the tensors;
 *   parameters(spread, column, channel), which sets what belongs to a column;
 *   fetch(k, count), which asks for values that are wanted later;
 *   gather(g, d, spread, k, count, one), which brings values together; `one`: all are of the first column.
 */
template <class Source>
class ExactWalk {
 public:
  /** `memory` is for the sums of parts, where threads share the values of channels. */
  ExactWalk(const Source& source, View v, const Resources& resources, size_t threads, int64_t* memory)
      : v_(v),
        source_(source),
        resources_(resources),
        threads_(threads),
        shares_(v_, threads, resources.ifma),
        sums_(memory) {}

  /** Calls take(channels, totals) for all channels, some at a time. */
  void run(const Taker& take) const {
    const size_t parts = shares_.parts;
    parallel(resources_, threads_, shares_.blocks * parts, [&](size_t unit) {
      const Channels channels = shares_.channels(v_, unit % shares_.blocks);
      const size_t part = unit / shares_.blocks;
      if (parts == 1) return some(channels, take);
      const auto keep = [&](Channels own, ExactTotals& totals) {
        for (size_t ch = own.first; ch < own.last; ++ch) {
          std::memcpy(sumsOf(part, ch), totals.open(ch - own.first), RECORD * sizeof(int64_t));
        }
      };
      some(channels, Taker::of(keep), part, parts);
    });
    if (parts == 1) return;
    const size_t joining = joiningThreads(v_, parts, resources_);
    parallel(resources_, joining, joining, [&](size_t share) {
      join({v_.c * share / joining, v_.c * (share + 1) / joining}, take);
    });
  }

  /** The same for a part of the values of some channels, by the thread that calls. */
  void some(Channels channels, const Taker& take, size_t part = 0, size_t parts = 1) const {
    ExactTotals totals;
    const size_t step = shares_.planes ? AT_ONCE : maxOf(1, shares_.columns / v_.s);
    for (size_t first = channels.first; first < channels.last; first += step) {
      const Channels own{first, minOf(first + step, channels.last)};
      totals.clear(own.last - first);
      shares_.planes ? planes(part, parts, own, totals) : columns(part, parts, own, totals);
      take(own, totals);
    }
  }

 private:
  int64_t* sumsOf(size_t part, size_t ch) const { return sums_ + (part * v_.c + ch) * RECORD; }

  /** Adds up the sums of all parts. */
  void join(Channels channels, const Taker& take) const {
    ExactTotals totals;
    for (size_t first = channels.first; first < channels.last; first += AT_ONCE) {
      const Channels own{first, minOf(first + AT_ONCE, channels.last)};
      totals.clear(own.last - first);
      for (size_t ch = first; ch < own.last; ++ch) {
        int64_t* const sums = totals.open(ch - first);
        for (size_t part = 0; part < shares_.parts; ++part) {
          const int64_t* const more = sumsOf(part, ch);
          for (size_t i = 0; i < RECORD; ++i) sums[i] += more[i];
        }
      }
      take(own, totals);
    }
  }

  /** Adds a part of the values of channels to their sums. */
  void planes(size_t part, size_t parts, Channels channels, ExactTotals& totals) const {
    const size_t m = v_.n * v_.s;
    ChannelSum sum(totals, Source::SQUARES, resources_.ifma);
    for (size_t ch = channels.first; ch < channels.last; ++ch) {
      sum.turnTo(ch - channels.first);
      plane(sum, ch, m * part / parts, m * (part + 1) / parts);
    }
    sum.finish();
  }

  /** Adds the values first .. last of a channel: where they are, or brought together. */
  void plane(ChannelSum& sum, size_t ch, size_t first, size_t last) const {
    Spread spread;
    for (size_t j = 0; j < F::LENGTH; ++j) source_.parameters(spread, j, ch);
    const size_t s = v_.s, at = (first / s * v_.c + ch) * s + first % s;
    if constexpr (Source::DIRECT) {
      const size_t gap = (v_.c - 1) * s;
      sum.add({source_.g() + at, source_.d() + at, last - first, s - first % s, s, gap, spread.center, ahead()});
    } else {
      addGathered(sum, spread, at, last - first, s - first % s);
    }
  }
  /** How far behind a value of a plane lies what is wanted a while later: in the next channel, row or part of a row. */
  size_t ahead() const {
    constexpr size_t FLOATS = FETCHED_BYTES / 2 / sizeof(float);
    if (v_.n * v_.s < 4 * FLOATS) return v_.s;
    return v_.s > 2 * FLOATS ? FLOATS : divideUp(FLOATS, v_.s) * v_.c * v_.s;
  }
  /** Brings `count` values of a channel together, which begin at `from` with `left` of a row, and adds them. */
  void addGathered(ChannelSum& sum, const Spread& spread, size_t from, size_t count, size_t left) const {
    alignas(64) float g[PAIRS_GATHERED], d[PAIRS_GATHERED];
    const float zeros[F::LENGTH] = {};
    while (count > 0) {
      const size_t together = minOf(PAIRS_GATHERED, count);
      for (size_t at = 0; at < together;) {
        const size_t run = minOf(left, together - at);
        source_.fetch(from + ahead(), run);
        source_.gather(g + at, d + at, spread, from, run, true);
        at += run;
        from += run;
        left -= run;
        if (left == 0) from += (v_.c - 1) * v_.s, left = v_.s;
      }
      sum.add({g, Source::SQUARES ? g : d, together, together, together, 0, zeros, 0});
      count -= together;
    }
  }

  void columns(size_t part, size_t parts, Channels channels, ExactTotals& totals) const {
    const size_t row = v_.c * v_.s, rows = v_.n / shares_.stacked;
    const size_t first = rows * part / parts, last = rows * (part + 1) / parts;
    const size_t count = (channels.last - channels.first) * v_.s * shares_.stacked;
    const size_t from = channels.first * v_.s;
    const size_t rest = part + 1 == parts ? v_.n % shares_.stacked * row : 0;
    add({from + first * shares_.stacked * row, last - first, row * shares_.stacked, count}, rest, totals,
        channels.first);
  }

  /** Rows of columns that are summed together. */
  struct Matrix {
    size_t from, rows, stride, columns;
  };
  /** Adds the rows of a matrix to sums, of which those of `channel`, with which rows begin, are first. The row behind
   * them has `rest` columns only. */
  void add(const Matrix& matrix, size_t rest, ExactTotals& totals, size_t channel) const {
    Spread spread;
    ColumnBlock block(totals, {matrix.columns, v_.c * v_.s, v_.s}, Source::SQUARES, resources_.ifma, !Source::DIRECT);
    size_t ch = channel;
    for (size_t j = 0, left = v_.s; j < matrix.columns; ++j) {
      source_.parameters(spread, j, ch);
      if (--left == 0) left = v_.s, ch = ch + 1 < v_.c ? ch + 1 : 0;
    }
    add(block, spread, matrix);
    if (rest > 0) {
      block.narrow(rest);
      add(block, spread, {matrix.from + matrix.rows * matrix.stride, 1, matrix.stride, rest});
    }
    block.finish();
  }
  void add(ColumnBlock& block, const Spread& spread, const Matrix& matrix) const {
    const size_t together = rowsTogether(matrix);
    for (size_t row = 0, end; row < matrix.rows; row = end) {
      end = minOf(row + block.terms(), matrix.rows);
      do {
        for (size_t part = row, stop; part < end; part = stop) {
          stop = minOf(part + block.terms(), end);
          const size_t some = Source::DIRECT && block.haveStrays() ? stop - part : together;
          for (size_t i = part; i < stop; i += some) {
            feed(block, spread, matrix, i, minOf(some, stop - i), i == part);
          }
          if (stop < end) block.settlePart();
        }
      } while (!block.settle());
    }
  }
  size_t rowsTogether(const Matrix& matrix) const {
    if (Source::DIRECT && shares_.columns > COLUMNS) {
      return Source::SQUARES && matrix.stride % CROWDED != 0 ? 2 * CROWDED_ROWS : CROWDED_ROWS;
    }
    const bool far = F::LENGTH * sizeof(float) < LINE_BYTES && Source::DIRECT && matrix.stride > COLUMNS;
    return far ? FAR_ROWS_TOGETHER : VALUES_TOGETHER / shares_.columns;
  }
  /** Adds `count` rows from row `first` on to a block, where they are, or brought together. */
  void feed(ColumnBlock& block, const Spread& spread, const Matrix& matrix, size_t first, size_t count,
            bool areFirst) const {
    const size_t stride = matrix.stride, at = matrix.from + first * stride;
    size_t ahead = first + 2 * count <= matrix.rows ? count * stride : 0;
    if constexpr (Source::DIRECT) {
      if (shares_.columns > COLUMNS && stride % CROWDED == 0) ahead = CROWDED_AHEAD;
      block.add({source_.g() + at, source_.d() + at, count, stride, spread.center, ahead}, areFirst);
    } else {
      alignas(64) float g[VALUES_TOGETHER], d[VALUES_TOGETHER];
      const float zeros[MOST_COLUMNS] = {};
      const size_t width = shares_.columns;
      for (size_t r = 0; r < count; ++r) {
        if (ahead != 0) source_.fetch(at + r * stride + ahead, matrix.columns);
        source_.gather(g + r * width, d + r * width, spread, at + r * stride, matrix.columns, false);
      }
      block.add({g, Source::SQUARES ? g : d, count, width, zeros, 0}, areFirst);
    }
  }

  const View v_;
  const Source& source_;
  const Resources& resources_;
  const size_t threads_;
  const Shares shares_;
  int64_t* const sums_;
};

}  // namespace
}  // namespace BN_ISA
}  // namespace bn
