// The exact sums of some channels as they come: the integers of bins where these were emptied once, and limbs where
// there is more. Most channels never need limbs.
#pragma once
#include <cstring>

#include "exact-pairs.h"

namespace bn {
namespace {

/** Channels whose sums are looked at together: whole vectors of any width. */
constexpr size_t AT_ONCE = 16;
/** The most bins that a first sum and a second one end in. */
constexpr int MOST_FIRST = 3, MOST_SECOND = 6, MOST_BINS = MOST_FIRST + MOST_SECOND;
/** The most channels whose sums are made together. */
constexpr size_t MOST_TOTALS = 256;

/** Numbers of some channels. Loops over all of them have no branches, so that they become vectors. */
struct Pairs {
  alignas(64) double high[AT_ONCE] = {}, low[AT_ONCE] = {}, error[AT_ONCE] = {};

  BN_INLINE void set(size_t i, Pair value) {
    high[i] = value.high;
    low[i] = value.low;
    error[i] = value.error;
  }
  BN_INLINE Pair operator[](size_t i) const { return {high[i], low[i], error[i]}; }
};

/** integer·2^unit. */
struct Bin {
  int64_t integer;
  int unit;
};

/** A bin of each channel. */
struct BinRow {
  alignas(64) int64_t integers[MOST_TOTALS];
  alignas(64) int32_t units[MOST_TOTALS];

  void clear(size_t begin, size_t end) {
    std::memset(integers + begin, 0, (end - begin) * sizeof *integers);
    std::memset(units + begin, 0, (end - begin) * sizeof *units);
  }
  void set(size_t i, Bin bin) {
    integers[i] = bin.integer;
    units[i] = bin.unit;
  }
  Bin at(size_t i) const { return {integers[i], units[i]}; }
};

/** Sums of the bins of some channels, those of the largest unit first, as far as two float64 hold them: 54 bits of each
 * bin. */
class BinSums {
 public:
  BN_NOINLINE void add(const BinRow& row, size_t from) {
    const double isBelow = rows_++ == 0 ? 0 : 1;
    for (size_t i = 0; i < AT_ONCE; ++i) {
      const Pair integer = pairOf(row.integers[from + i]);
      const double weight = powerOfTwo(row.units[from + i]), size = std::fabs(integer.high) * weight;
      const Pair sum = Pair::sum(high_[i], integer.high * weight);
      high_[i] = sum.high;
      low_[i] += sum.low + integer.low * weight;
      size_[i] += size;
      below_[i] += isBelow * size;
    }
  }
  BN_NOINLINE void get(Pairs& sums) const {
    for (size_t i = 0; i < AT_ONCE; ++i) {
      // What is added up in `low` is below 12·2^-53·size: 12 roundings lose at most 2^-98.8 of it, and one bin nothing.
      const Pair all = Pair::sumOfFalling(high_[i], low_[i]);
      sums.set(i, {all.high, all.low, below_[i] == 0 ? 0 : size_[i] * Pair::STEP});
    }
  }

 private:
  /** Of an integer below 2^62, without loss: its halves are put into the significands of 2^84 + 2^63 and 2^52. */
  static BN_INLINE Pair pairOf(int64_t integer) {
    const uint64_t bits = static_cast<uint64_t>(integer);
    const double upper = doubleOf((bits >> 32) ^ 0x4530000080000000) - (0x1p84 + 0x1p63);
    const double lower = doubleOf((bits & 0xffffffff) | 0x4330000000000000) - 0x1p52;
    return Pair::sumOfFalling(upper, lower);
  }

  int rows_ = 0;
  alignas(64) double high_[AT_ONCE] = {}, low_[AT_ONCE] = {}, size_[AT_ONCE] = {}, below_[AT_ONCE] = {};
};

/** To be cleared before its first use: of many that are there, most calls use few. */
class ExactTotals {
 public:
  void clear(size_t count) {
    count_ = count;
    firsts_ = seconds_ = 0;
    isAnySet_ = false;
    std::memset(places_, NOWHERE, count);
  }
  bool isAnySet() const { return isAnySet_; }
  /** Bins of all channels, of which none was set: row(k) is to be filled for each k below firsts + seconds. */
  void setAll(int firsts, int seconds) {
    isAnySet_ = true;
    std::memset(places_, IN_BINS, count_);
    firsts_ = firsts;
    seconds_ = seconds;
    for (int k = 0; k < firsts + seconds; ++k) row(k).clear(count_, lanes());
  }
  BinRow& row(int k) { return rows_[k < firsts_ ? k : MOST_FIRST + k - firsts_]; }
  /** Adds bins to channel i: those of its first sum, then those of the second. */
  void add(size_t i, int firsts, int seconds, const Bin* bins) {
    isAnySet_ = true;
    if (places_[i] != NOWHERE) return addToLimbs(open(i), firsts, seconds, bins);
    places_[i] = IN_BINS;
    for (; firsts_ < firsts; ++firsts_) rows_[firsts_].clear(0, lanes());
    for (; seconds_ < seconds; ++seconds_) rows_[MOST_FIRST + seconds_].clear(0, lanes());
    for (int k = 0; k < firsts_; ++k) row(k).set(i, k < firsts ? bins[k] : Bin{0, 0});
    for (int k = 0; k < seconds_; ++k) row(firsts_ + k).set(i, k < seconds ? bins[firsts + k] : Bin{0, 0});
  }
  /** The limbs of channel i, to which more may be added: RECORD of them, not canonical. */
  int64_t* open(size_t i) {
    int64_t* const limbs = limbs_[i];
    if (places_[i] == IN_LIMBS) return limbs;
    std::memset(limbs, 0, sizeof limbs_[i]);
    if (places_[i] == IN_BINS) {
      Bin bins[MOST_BINS];
      for (int k = 0; k < firsts_ + seconds_; ++k) bins[k] = row(k).at(i);
      addToLimbs(limbs, firsts_, seconds_, bins);
    }
    places_[i] = IN_LIMBS;
    isAnySet_ = true;
    return limbs;
  }
  /** Canonical limbs. */
  const int64_t* record(size_t i) {
    settle(open(i));
    return limbs_[i];
  }
  /** Whether all of channel i is in bins, and so all is finite. */
  bool areBins(size_t i) const { return places_[i] == IN_BINS; }
  /** The first sums, or the second, of channels `from` and behind: of those that are in bins. */
  void get(Pairs& sums, size_t from, bool second) {
    BinSums all;
    const int count = second ? seconds_ : firsts_;
    for (int k = 0; k < count; ++k) all.add(rows_[k + (second ? MOST_FIRST : 0)], from);
    all.get(sums);
  }

 private:
  enum Place : uint8_t { NOWHERE, IN_BINS, IN_LIMBS };

  size_t lanes() const { return (count_ + AT_ONCE - 1) / AT_ONCE * AT_ONCE; }
  static void addToLimbs(int64_t* limbs, int firsts, int seconds, const Bin* bins) {
    for (int k = 0; k < firsts; ++k) addShifted(limbs, bins[k].integer, bins[k].unit - FIRST_UNIT);
    for (int k = firsts; k < firsts + seconds; ++k) {
      addShifted(limbs + SECOND_AT, bins[k].integer, bins[k].unit - SECOND_UNIT);
    }
  }

  size_t count_;
  int firsts_, seconds_;
  bool isAnySet_;
  Place places_[MOST_TOTALS];
  BinRow rows_[MOST_BINS];
  int64_t limbs_[MOST_TOTALS][RECORD];
};

}  // namespace
}  // namespace bn
