// Exact sums of values whatever their exponents are: an integer for each few exponents, to which significands are
// added. (R. M. Neal, Fast exact summation using small and large superaccumulators, arXiv 1505.05571, has a small one
// for any float64; here the last bits of values are known, so that each is added to one integer.)
#pragma once
#include <cstring>

#include "exact-limbs.h"
#include "exact-runs.h"

namespace bn {
namespace BN_ISA {
namespace {

/** Sums that are kept side by side. A value waits for the one before it in the same sum only. */
constexpr size_t LANES_OF_SLOW = 8;
/** Rows of as many values that are split at once. */
constexpr size_t ROWS_OF_SLOW = 16, SLOW_AT_ONCE = LANES_OF_SLOW * ROWS_OF_SLOW;

/** Exponents that a float32 has, and a product of two, as float64 have them in their bits. 2^shared of them have one
 * integer: there are `count`, and the first is for those from `least`·2^shared on. Of the 53 bits of a significand the
 * first `bits` may be 1. */
struct Exponents {
  int shared, least, count, bits, unit;
  size_t limbs;

  /** What takes the place of the first exponent of an integer, so that its last bit is worth 1. */
  uint64_t field() const { return static_cast<uint64_t>(1023 + bits - 1); }
  /** The exponent of the last bit of integer i, in units. */
  constexpr int offset(int i) const { return ((least + i) << shared) - 1023 - (bits - 1) - unit; }
};
constexpr Exponents FIRST_EXPONENTS{4, 54, 18, 24, FIRST_UNIT, FIRST_LIMBS};
constexpr Exponents SECOND_EXPONENTS{2, 181, 139, 48, SECOND_UNIT, SECOND_LIMBS};

/** Sums of LANES_OF_SLOW lanes, of at most 2^11 values each: products are below 2^51. Sums begin at 2^62, so that they
 * stay positive. */
template <const Exponents& EXPONENTS>
class ExponentSums {
 public:
  void clear() {
    for (uint64_t& sum : sums_) sum = uint64_t(1) << BIAS;
  }
  /** Adds value k to lane k % LANES_OF_SLOW. 0 and what is not finite are added to an integer that nobody reads. */
  BN_NOINLINE void add(const double* values) {
    int64_t integers[SLOW_AT_ONCE];
    uint32_t places[SLOW_AT_ONCE];
    split(integers, places, values);
    for (size_t k = 0; k < SLOW_AT_ONCE; k += LANES_OF_SLOW) addTo<0>(places + k, integers + k);
  }
  /** Adds the sums of lanes to limbs of each, where limb i of a lane is at i·LANES_OF_SLOW + lane. */
  void empty(int64_t* limbs) const {
    constexpr Start START;
    for (size_t i = 0; i < EXPONENTS.limbs * LANES_OF_SLOW; ++i) limbs[i] = -START.limbs[i / LANES_OF_SLOW];
    for (int i = 0; i < EXPONENTS.count; ++i) addShiftedLanes(limbs, sums_ + i * LANES_OF_SLOW, EXPONENTS.offset(i));
  }

 private:
  /** Adds integers to lanes from LANE on. Not a loop, which would take as long as the additions. */
  template <size_t LANE>
  BN_INLINE void addTo(const uint32_t* places, const int64_t* integers) {
    sums_[places[LANE] + LANE] += static_cast<uint64_t>(integers[LANE]);
    if constexpr (LANE + 1 < LANES_OF_SLOW) addTo<LANE + 1>(places, integers);
  }
  /** What addShifted does, for the sums of all lanes, which are positive: so no shift wants their signs. */
  BN_INLINE static void addShiftedLanes(int64_t* limbs, const uint64_t* sums, int offset) {
    const int down = offset < 0 ? -offset : 0, shift = offset < 0 ? 0 : offset & 31;
    int64_t* const at = limbs + (offset < 0 ? 0 : offset >> 5) * LANES_OF_SLOW;
    for (size_t lane = 0; lane < LANES_OF_SLOW; ++lane) {
      const uint64_t sum = sums[lane] >> down, low = sum << shift;
      at[lane] += static_cast<int64_t>(low & 0xffffffff);
      at[lane + LANES_OF_SLOW] += static_cast<int64_t>(low >> 32);
      at[lane + 2 * LANES_OF_SLOW] += static_cast<int64_t>(sum >> 1 >> (63 - shift));
    }
  }
  /** The limbs of all sums of a lane to which nothing was added. */
  struct Start {
    int64_t limbs[EXPONENTS.limbs] = {};

    constexpr Start() {
      for (int i = 0; i < EXPONENTS.count; ++i) {
        const int bit = BIAS + EXPONENTS.offset(i);
        limbs[bit >> 5] += int64_t(1) << (bit & 31);
      }
    }
  };
  static constexpr int BIAS = 62;

  /** Values as integers, and where these are added. No branches and no calls, so that this becomes vectors. */
  BN_INLINE static void split(int64_t* integers, uint32_t* places, const double* values) {
    constexpr int FRACTION = 52;
    constexpr uint64_t KEPT = ~(uint64_t(0x7ff >> EXPONENTS.shared) << (FRACTION + EXPONENTS.shared));
    constexpr double ANCHOR = 6755399441055744;  // 1.5·2^52
    constexpr uint64_t BITS_OF_ANCHOR = 0x4338000000000000;
    for (size_t k = 0; k < SLOW_AT_ONCE; ++k) {
      uint64_t bits;
      std::memcpy(&bits, values + k, sizeof bits);
      const uint32_t upper = static_cast<uint32_t>(bits >> 32), count = static_cast<uint32_t>(EXPONENTS.count);
      const uint32_t place = (upper << 1 >> (21 + EXPONENTS.shared)) - static_cast<uint32_t>(EXPONENTS.least);
      places[k] = (place < count ? place : count) * LANES_OF_SLOW;
      bits = (bits & KEPT) + (EXPONENTS.field() << FRACTION);
      double scaled;
      std::memcpy(&scaled, &bits, sizeof bits);
      scaled += ANCHOR;
      std::memcpy(&bits, &scaled, sizeof bits);
      integers[k] = static_cast<int64_t>(bits - BITS_OF_ANCHOR);
    }
  }

  alignas(64) uint64_t sums_[(EXPONENTS.count + 1) * LANES_OF_SLOW];
};

/** The sums of g and of products. */
struct SlowSums {
  ExponentSums<FIRST_EXPONENTS> first;
  ExponentSums<SECOND_EXPONENTS> second;

  void clear() {
    first.clear();
    second.clear();
  }
  void add(const double* g, const double* products) {
    first.add(g);
    second.add(products);
  }
};
/** Limbs of all lanes. */
struct SlowLimbs {
  alignas(64) int64_t limbs[(FIRST_LIMBS + SECOND_LIMBS) * LANES_OF_SLOW];

  explicit SlowLimbs(const SlowSums& sums) {
    sums.first.empty(limbs);
    sums.second.empty(limbs + FIRST_LIMBS * LANES_OF_SLOW);
  }
  /** Adds those of a lane to the sums of a channel. */
  void addTo(int64_t* sums, size_t lane) const {
    const int64_t* const own = limbs + lane;
    for (size_t i = 0; i < FIRST_LIMBS; ++i) sums[i] += own[i * LANES_OF_SLOW];
    for (size_t i = 0; i < SECOND_LIMBS; ++i) sums[SECOND_AT + i] += own[(FIRST_LIMBS + i) * LANES_OF_SLOW];
    settle(sums);
  }
};

/** Counts what is not finite. */
inline void countSpecials(int64_t* counts, const double* values, size_t count, size_t stride = 1) {
  for (size_t k = 0; k < count; k += stride) {
    if (!(values[k] - values[k] == 0)) countSpecial(counts, values[k]);
  }
}

/** Many values of one channel. */
class Superaccumulator {
 public:
  explicit Superaccumulator(bool squares) : squares_(squares) {}
  BN_NOINLINE void add(int64_t* sums, Runs runs, bool finite) {
    alignas(64) double first[SLOW_AT_ONCE], second[SLOW_AT_ONCE];
    while (runs.count > 0) {
      const size_t some = read(first, second, runs);
      if (!finite) countSpecials(sums + FIRST_LIMBS, first, some);
      if (!finite) countSpecials(sums + SECOND_AT + SECOND_LIMBS, second, some);
      if (rows_ + ROWS_OF_SLOW > MOST) empty(sums);
      if (rows_ == 0) sums_.clear();
      rows_ += ROWS_OF_SLOW;
      sums_.add(first, second);
    }
  }
  bool isEmpty() const { return rows_ == 0; }
  void empty(int64_t* sums) {
    if (rows_ == 0) return;
    rows_ = 0;
    const SlowLimbs limbs(sums_);
    for (size_t lane = 0; lane < LANES_OF_SLOW; ++lane) limbs.addTo(sums, lane);
  }

 private:
  static constexpr size_t MOST = 2048;
  /** Takes values off the beginning of runs, with 0 behind the last ones, and returns how many there were. */
  size_t read(double* first, double* second, Runs& runs) const {
    size_t at = 0;
    while (at < SLOW_AT_ONCE && runs.count > 0) {
      const Runs run = runs.take(minOf(minOf(runs.first, runs.count), SLOW_AT_ONCE - at));
      const float center = squares_ ? 0 : *run.center;
      size_t k = 0;
      for (; k + H::LENGTH <= run.count; k += H::LENGTH, at += H::LENGTH) {
        const D of = widen(H::load(run.g + k));
        store(first + at, of);
        store(second + at, mul(of, widen(sub(H::load(run.d + k), H::splat(center)))));
      }
      singly(k, run.count, [&](size_t i) {
        first[at] = run.g[i];
        second[at] = first[at] * (run.d[i] - center);
        ++at;
      });
    }
    std::memset(first + at, 0, (SLOW_AT_ONCE - at) * sizeof(double));
    std::memset(second + at, 0, (SLOW_AT_ONCE - at) * sizeof(double));
    return at;
  }

  const bool squares_;
  size_t rows_ = 0;
  SlowSums sums_;
};

/** A column whose values no bins are enough for, where its sums are, and whether all values are finite. */
struct Stray {
  size_t column;
  int64_t* sums;
  bool isFinite;
};

/** Adds rows of some columns to their sums, LANES_OF_SLOW of them at once. */
class SlowColumns {
 public:
  explicit SlowColumns(bool squares) : squares_(squares) {}
  /** Adds at most 2^11 rows of `count` strays, whose columns rise. */
  BN_NOINLINE void add(const Stray* strays, size_t count, const Rows& rows) {
    for (size_t k = 0; k < count; k += LANES_OF_SLOW) addLanes(strays + k, minOf(count - k, LANES_OF_SLOW), rows);
  }

 private:
  void addLanes(const Stray* strays, size_t count, const Rows& rows) {
    // Lanes that are left repeat the first column, and nobody reads their sums.
    for (size_t lane = 0; lane < LANES_OF_SLOW; ++lane) columns_[lane] = strays[lane < count ? lane : 0].column;
    sums_.clear();
    alignas(64) double first[SLOW_AT_ONCE], second[SLOW_AT_ONCE];
    for (size_t row = 0; row < rows.count; row += ROWS_OF_SLOW) {
      const size_t some = minOf(rows.count - row, ROWS_OF_SLOW);
      const float *const g = rows.g + row * rows.stride, *const d = rows.d + row * rows.stride;
      columns_[LANES_OF_SLOW - 1] - columns_[0] == LANES_OF_SLOW - 1 ? readSideBySide(first, second, g, d, rows, some)
                                                                     : read(first, second, g, d, rows, some);
      std::memset(first + some * LANES_OF_SLOW, 0, (ROWS_OF_SLOW - some) * LANES_OF_SLOW * sizeof(double));
      std::memset(second + some * LANES_OF_SLOW, 0, (ROWS_OF_SLOW - some) * LANES_OF_SLOW * sizeof(double));
      countSpecialsOf(strays, count, first, second);
      sums_.add(first, second);
    }
    const SlowLimbs limbs(sums_);
    for (size_t lane = 0; lane < count; ++lane) limbs.addTo(strays[lane].sums, lane);
  }
  static void countSpecialsOf(const Stray* strays, size_t count, const double* first, const double* second) {
    for (size_t lane = 0; lane < count; ++lane) {
      if (strays[lane].isFinite) continue;
      countSpecials(strays[lane].sums + FIRST_LIMBS, first + lane, SLOW_AT_ONCE - lane, LANES_OF_SLOW);
      countSpecials(strays[lane].sums + SECOND_AT + SECOND_LIMBS, second + lane, SLOW_AT_ONCE - lane, LANES_OF_SLOW);
    }
  }
  BN_INLINE void readSideBySide(double* first, double* second, const float* g, const float* d, const Rows& rows,
                                size_t count) const {
    const bool squares = squares_;
    const size_t column = columns_[0], stride = rows.stride;
    for (size_t lane = 0; lane < LANES_OF_SLOW; lane += D::LENGTH) {
      const float *ofG = g + column + lane, *ofD = d + column + lane;
      const H center = squares ? H::splat(0) : H::load(rows.center + column + lane);
      for (size_t k = lane; k < count * LANES_OF_SLOW; k += LANES_OF_SLOW, ofG += stride, ofD += stride) {
        const D of = widen(H::load(ofG));
        store(first + k, of);
        store(second + k, mul(of, widen(sub(H::load(ofD), center))));
      }
    }
  }
  BN_INLINE void read(double* first, double* second, const float* g, const float* d, const Rows& rows,
                      size_t count) const {
    for (size_t k = 0; k < count * LANES_OF_SLOW; k += LANES_OF_SLOW, g += rows.stride, d += rows.stride) {
      for (size_t lane = 0; lane < LANES_OF_SLOW; ++lane) {
        const size_t j = columns_[lane];
        first[k + lane] = g[j];
        second[k + lane] = first[k + lane] * (squares_ ? g[j] : d[j] - rows.center[j]);
      }
    }
  }

  const bool squares_;
  size_t columns_[LANES_OF_SLOW];
  SlowSums sums_;
};

}  // namespace
}  // namespace BN_ISA
}  // namespace bn
