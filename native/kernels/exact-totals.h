// The exact sums of a channel as they come: the integers of its bins where these were emptied once, and limbs where
// there is more. Most channels never need limbs.
#pragma once
#include <cstring>

#include "exact-pairs.h"

namespace bn {
namespace {

/** integer·2^unit. */
struct Bin {
  int64_t integer;
  int unit;
};

/** The sum of bins, the largest unit first, as far as two float64 hold it: 54 bits and more for each bin. */
inline Pair pairOf(const Bin* bins, int count) {
  if (count == 1) {
    const double weight = powerOfTwo(bins->unit), value = static_cast<double>(bins->integer);
    return {value * weight, static_cast<double>(bins->integer - static_cast<int64_t>(value)) * weight, 0};
  }
  double high = 0, low = 0, size = 0;
  for (int k = 0; k < count; ++k) {
    const double weight = powerOfTwo(bins[k].unit), value = static_cast<double>(bins[k].integer);
    const double rest = static_cast<double>(bins[k].integer - static_cast<int64_t>(value));
    const Pair sum = Pair::sum(high, value * weight);
    high = sum.high;
    low += sum.low + rest * weight;
    size += std::fabs(value) * weight;
  }
  // What is added up in `low` is below 12·2^-53·size: 12 roundings lose at most 2^-98.8 of it.
  const Pair all = Pair::sumOfFalling(high, low);
  return {all.high, all.low, size * Pair::STEP};
}

/** To be cleared before its first use: of many that are there, most calls use few. */
class ExactTotals {
 public:
  void clear() {
    firsts_ = seconds_ = 0;
    inLimbs_ = false;
  }
  /** Bins that are to be set: those of the first sum, and behind them those of the second. */
  Bin* make(int firsts, int seconds) {
    if (firsts_ + seconds_ > 0) open();
    firsts_ = firsts;
    seconds_ = seconds;
    return bins_;
  }
  /** The limbs, to which more may be added: RECORD of them, not canonical. */
  int64_t* open() {
    if (!inLimbs_) std::memset(limbs_, 0, sizeof limbs_);
    inLimbs_ = true;
    for (int k = 0; k < firsts_ + seconds_; ++k) addToLimbs(bins_[k], k < firsts_);
    firsts_ = seconds_ = 0;
    return limbs_;
  }
  /** Canonical limbs. */
  const int64_t* record() {
    settle(open());
    return limbs_;
  }
  /** Whether all is in bins, and so all is finite. */
  bool areBins() const { return !inLimbs_; }
  Pair first() const { return pairOf(bins_, firsts_); }
  Pair second() const { return pairOf(bins_ + firsts_, seconds_); }

 private:
  void addToLimbs(Bin bin, bool first) {
    addShifted(limbs_ + (first ? 0 : SECOND_AT), bin.integer, bin.unit - (first ? FIRST_UNIT : SECOND_UNIT));
  }

  static constexpr int MOST_BINS = 9;
  Bin bins_[MOST_BINS];
  int firsts_, seconds_;
  bool inLimbs_;
  int64_t limbs_[RECORD];
};

}  // namespace
}  // namespace bn
