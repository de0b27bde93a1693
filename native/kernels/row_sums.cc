// The kernel `rowSums`: two sums per channel over rows that lie anywhere. They are gathered, some rows of some channels
// at a time, and added to lanes as the columns of a tensor (rows, c, 1) are: lanes.h.
#include "kernels_isa.h"
#include "stats.h"

namespace bn {
namespace BN_ISA {
namespace {

/** Elements that are gathered at once, and rows of them: whole stacks of 16. They stay in the first cache. */
constexpr size_t GATHERED = 2048;
constexpr size_t MAX_ROWS = 256;
/** Channels that lie apart: elements to what is fetched ahead, twice a block, and rows from one fetch to the next. */
constexpr size_t AHEAD = 256;
constexpr size_t PREFETCHED = 8;
/** The least channels that are summed at once, if there are as many: of contiguous rows, and of channels that lie
 * apart. */
constexpr size_t WIDE = 64;
constexpr size_t NARROW = LANES;
/** Columns: those of 16 stacked rows of up to 15 channels, or fewer than 2·WIDE channels. */
constexpr size_t MAX_COLUMNS = LANES * LANES;

/** to ← `width` elements side by side. */
template <class T>
inline void gatherRun(T* to, const T* from, size_t width) {
  std::memcpy(to, from, width * sizeof(T));
}
template <class T>
inline void gatherRun(float* to, const T* from, size_t width) {
  widenRun(to, from, width, 0);
}
inline void gatherRun(float* to, const float* from, size_t width) { std::memcpy(to, from, width * sizeof(float)); }

/** The rows of a call. Their tensor in the order of summation is (count, c, 1). */
template <class T>
struct Rows {
  using Single = Traits<Wide<T>>;
  const T* x;
  const Positions& positions;
  const double* weights;
  const double* center;
  View whole;

  View view() const { return {positions.count, whole.c, 1}; }
  /** places[k] ← where the first channel of row `row` + k is. */
  void locate(size_t* places, size_t row, size_t count) const {
    size_t begin = 0;  // of the sample that the last position was in: a division for each takes as long as the sums
    for (size_t k = 0; k < count; ++k) {
      const size_t position = positions[row + k];
      if (whole.s == 1) {
        begin = position;
      } else if (position - begin >= whole.s) {
        begin = position - position % whole.s;
      }
      places[k] = begin * whole.c + (position - begin);
    }
  }
  /** The channels from `first` on of row `row` + k are `width` elements from to + k·width on. */
  BN_NOINLINE void gather(Wide<T>* to, const size_t* places, size_t count, Channels channels) const {
    const size_t width = channels.last - channels.first, s = whole.s;
    if (s == 1) {
      for (size_t k = 0; k < count; ++k) gatherRun(to + k * width, x + places[k] + channels.first, width);
      return;
    }
    size_t j = 0;
    for (; j + 4 <= width; j += 4) {
      const T* from = x + (channels.first + j) * s;
      for (size_t k = 0; k < count; ++k) {
        const T* row = from + places[k];
        if (k % PREFETCHED == 0) {  // a processor does not see that the next block goes on here
          for (size_t channel = 0; channel < 4; ++channel) prefetch(row + channel * s + AHEAD);
        }
        Wide<T>* const at = to + k * width + j;
        const Wide<T> a = Single::load(row), b = Single::load(row + s);
        const Wide<T> c = Single::load(row + 2 * s), d = Single::load(row + 3 * s);
        at[0] = a;
        at[1] = b;
        at[2] = c;
        at[3] = d;
      }
    }
    for (; j < width; ++j) {
      for (size_t k = 0; k < count; ++k) to[k * width + j] = Single::load(x + places[k] + (channels.first + j) * s);
    }
  }
};

/** Σ w·d and Σ (w·d)·d with d = x − center, never fused. There is a weight for each element. */
template <class T>
struct WeightedSums {
  using Element = T;
  static constexpr size_t TENSORS = 1;
  static constexpr bool BY_FULL = false;
  template <class V>
  using Parameters = typename CentredSums<T>::template Parameters<V>;
  CentredSums<T> centred;
  const double* weights;

  void fetch(size_t) const {}
  template <class V>
  BN_INLINE Parameters<V> parameters(size_t at, bool perColumn) const {
    return centred.template parameters<V>(at, perColumn);
  }
  template <class V, class Sum>
  BN_INLINE void add(Sum& first, Sum& second, size_t k, const Parameters<V>& p) const {
    const Sum d = sub(widen(Traits<V>::load(centred.x + k)), p.mean);
    const Sum product = mul(Traits<Sum>::load(weights + k), d);
    first = BN_ISA::add(first, product);
    second = BN_ISA::add(second, mul(product, d));
  }
};

/** Adds gathered rows to the lanes of their columns: rows of few channels are stacked, 16 side by side. */
template <class Term>
void addGathered(double* lanes, const Term& term, size_t rows, size_t width, size_t stacked) {
  const size_t columns = stacked * width, whole = rows / stacked;
  if (whole > 0) addColumns(lanes, term, {0, whole, columns, 0, false}, columns);
  addColumns(lanes, term, {whole * columns, 1, columns, 0, false}, rows % stacked * width);
}

/** Adds to the totals the sums of one group of rows. add(lanes, values, row, count) adds gathered rows. */
template <class T, class Add>
void sumGroup(const Totals& totals, const Rows<T>& rows, size_t group, Channels channels, const Add& add) {
  const View v = rows.view();
  const size_t width = channels.last - channels.first, end = minOf((group + 1) * groupRows(v), v.n);
  const size_t step = minOf(MAX_ROWS, GATHERED / width / LANES * LANES);
  alignas(64) double lanes[COLUMN_LANES];
  alignas(64) Wide<T> values[GATHERED];
  size_t places[MAX_ROWS];
  clearColumns(lanes, stackedRows(v) * width);
  for (size_t row = group * groupRows(v); row < end; row += step) {
    const size_t count = minOf(step, end - row);
    rows.locate(places, row, count);
    rows.gather(values, places, count, channels);
    add(lanes, values, row, count);
  }
  foldColumns(totals, group, v, channels, lanes);
}

/** Adds to the totals the sums of one group of rows for some channels. */
template <class T>
void sumRows(const Totals& totals, const Rows<T>& rows, size_t group, Channels channels) {
  const View v = rows.view();
  const size_t width = channels.last - channels.first, stacked = stackedRows(v);
  if (rows.weights == nullptr && rows.center == nullptr) {
    sumGroup(totals, rows, group, channels, [&](double* lanes, const Wide<T>* values, size_t, size_t count) {
      addGathered(lanes, Sums<Wide<T>>{values}, count, width, stacked);
    });
    return;
  }
  typename CentredSums<Wide<T>>::Columns memory = {};
  if (rows.center != nullptr) broadcast(memory.mean, rows.center, v, channels);
  if (rows.weights == nullptr) {
    sumGroup(totals, rows, group, channels, [&](double* lanes, const Wide<T>* values, size_t, size_t count) {
      addGathered(lanes, CentredSums<Wide<T>>{values, memory.mean}, count, width, stacked);
    });
    return;
  }
  alignas(64) double weights[GATHERED];
  sumGroup(totals, rows, group, channels, [&](double* lanes, const Wide<T>* values, size_t row, size_t count) {
    double* to = weights;
    for (size_t k = row; k < row + count; ++k) {
      for (size_t j = 0; j < width; ++j) *to++ = rows.weights[k];
    }
    addGathered(lanes, WeightedSums<Wide<T>>{{values, memory.mean}, weights}, count, width, stacked);
  });
}

/** The number of threads that a call on so many rows is worth. */
template <class T>
size_t threadsOf(size_t count, size_t c, const Resources& resources) {
  return threadsFor(count * c * sizeof(T), resources);
}

}  // namespace

/** The totals, and where several threads take part, the sums of each group. */
template <class T>
size_t rowSumsBytes(size_t count, size_t c, const Resources& resources) {
  const size_t groups = threadsOf<T>(count, c, resources) == 1 ? 0 : groupsOf({count, c, 1});
  return (groups + 1) * 2 * c * sizeof(double);
}

/** contract: src/kernels.ts, rowSums */
template <class T>
void rowSums(RowSums sums, const T* x, const Positions& positions, const double* weights, const double* center,
             const Call& call) {
  const Rows<T> rows{x, positions, weights, center, call.view};
  const View v = rows.view();
  const size_t threads = threadsOf<T>(v.n, v.c, call.resources), groups = v.n == 0 ? 0 : groupsOf(v);
  const size_t blocks = maxOf(1, v.c / (call.view.s == 1 ? WIDE : NARROW)), pair = 2 * v.c;
  double* const totals = static_cast<double*>(call.scratch);
  double* const partials = threads == 1 ? totals : totals + pair;
  const Totals to{partials, v.c, threads == 1 ? 0 : pair};
  std::memset(totals, 0, (threads == 1 ? 1 : groups + 1) * pair * sizeof(double));
  parallel(call.resources, threads, groups * blocks, [&](size_t part) {
    const size_t block = part % blocks;
    sumRows(to, rows, part / blocks, {v.c * block / blocks, v.c * (block + 1) / blocks});
  });
  for (size_t g = 0; threads > 1 && g < groups; ++g) {
    for (size_t j = 0; j < pair; ++j) totals[j] += partials[g * pair + j];
  }
  std::memcpy(sums.first, totals, v.c * sizeof(double));
  std::memcpy(sums.second, totals + v.c, v.c * sizeof(double));
}

#define BN_ROW_SUMS(T)                                               \
  template size_t rowSumsBytes<T>(size_t, size_t, const Resources&); \
  template void rowSums(RowSums, const T*, const Positions&, const double*, const double*, const Call&);
BN_ROW_SUMS(float)
BN_ROW_SUMS(double)
BN_ROW_SUMS(Float16)
BN_ROW_SUMS(Bfloat16)

}  // namespace BN_ISA
}  // namespace bn
