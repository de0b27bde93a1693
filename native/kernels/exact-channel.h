// Exact sums of a channel whose values lie side by side. A group of values is added to the bins of the values before
// it, while their exponents are looked at; if these do not fit, it is added once more, to other bins.
#pragma once
#include "exact-binned.h"

namespace bn {
namespace BN_ISA {
namespace {

/** Groups whose bins may be emptied into the same integers, so that those of all columns together stay below 2^61. */
constexpr size_t FULL_GROUPS = 1024 / F::LENGTH;

/** Values that tell where the first bins are anchored. */
constexpr size_t FIRST_VALUES = 64;

/** Cheaper bins are looked for when so many groups fitted. */
constexpr size_t LOOK_EACH_GROUPS = 4;

class ChannelSum : Binned {
 public:
  ChannelSum(ExactTotals& totals, bool squares, bool canBeFixed)
      : Binned(totals, F::LENGTH, squares, canBeFixed), slow_(squares) {}

  /** What is added from here on belongs to another of the totals. Its values may well fit the same bins. */
  void turnTo(size_t target) {
    finish();
    target_ = target;
  }
  /** Moves what was added to the sums where it belongs. */
  void finish() {
    if (!slow_.isEmpty()) slow_.empty(totals_.open(target_));
    if (groups_ > 0) emptyAll();
  }
  void add(Runs runs) {
    if (choice_ == nullptr) peek(runs);
    while (runs.count > 0) {
      const Runs group = runs.take(valuesOf(terms(), runs.run));
      if (isSlow_) {
        addMisfit(group);
        continue;
      }
      Inexact::forget();
      const size_t added = choice_->addRuns[squares_](state_, group);
      if ((choice_->isFixed && Inexact::isNoted()) || !isFit(0)) {
        addMisfit(group);
        continue;
      }
      settleGroup(added);
      expectNone();
      if (!isCheapest() && ++fits_ % LOOK_EACH_GROUPS == 0) cheapen();
    }
  }

 private:
  void settleGroup(size_t added) {
    settle(0, added);
    if (++groups_ == FULL_GROUPS || isFull_) emptyAll();
  }
  /** Adds values to other bins, or one by one where no bins are enough: then the next ones are looked at first. */
  BN_NOINLINE void addMisfit(Runs group) {
    expectMisfits();
    fits_ = 0;
    if (isSlow_ || !choice_->knowMost(squares_)) LOOK.addRuns[squares_](state_, group);
    join();
    const int needed = neededWithRoom();
    isSlow_ = needed == choices_.count;
    if (isSlow_) return slow_.add(totals_.open(target_), group, isFinite(0));
    choose(needed);
    while (group.count > 0) settleGroup(choice_->addRuns[squares_](state_, group.take(valuesOf(terms(), group.run))));
  }
  /** Chooses cheaper bins if they had been enough. */
  void cheapen() {
    join();
    const int needed = neededWithRoom();
    if (!isChosen(needed)) choose(needed);
  }
  int neededWithRoom() const {
    const int needed = neededFor(0);
    return isTight(0) && needed < choices_.roomy ? choices_.roomy : needed;
  }

  /** Looks at the first values only. */
  void peek(Runs runs) {
    LOOK.addRuns[squares_](state_, runs.take(FIRST_VALUES));
    join();
    if (neededFor(0) == choices_.count) forget(0);
    choose(neededWithRoom());
  }
  /** What was seen in all columns, in the first one. */
  void join() {
    join(state_.seenOfG);
    if (!squares_) join(state_.seenOfD);
  }
  void join(Magnitudes& seen) const {
    uint32_t most = 0, least = UINT32_MAX;
    for (size_t j = 0; j < F::LENGTH; ++j) {
      most = seen.most[j] > most ? seen.most[j] : most;
      least = seen.least[j] < least ? seen.least[j] : least;
    }
    seen.most[0] = most;
    seen.least[0] = least;
  }
  void choose(int choice) {
    if (choice_ != nullptr) emptyAll();
    const bool isAsMuch = choice_ != nullptr && choice_ <= choices_.list + choice;
    choice_ = choices_.list + choice;
    if (isAsMuch) recall(0);
    anchor(0);
    spread();
  }
  /** Sets the bins of all columns as those of the first one. */
  void spread() {
    const size_t width = state_.width;
    for (int bin = 0; bin < choice_->bins(); ++bin) {
      for (size_t j = 0; j < width; ++j) {
        state_.anchors[bin * width + j] = state_.anchors[bin * width];
        state_.integers[bin * width + j] = 0;
      }
    }
    spread(state_.limitsOfG);
    spread(state_.limitsOfD);
  }
  void spread(Magnitudes& limits) const {
    for (size_t j = 1; j < state_.width; ++j) {
      limits.most[j] = limits.most[0];
      limits.least[j] = limits.least[0];
    }
  }
  /** All columns together, or one by one where their sum might be 2^61 or more. */
  void emptyAll() {
    const size_t width = state_.width, count = static_cast<size_t>(choice_->bins()) * width;
    int64_t* const integers = state_.integers;
    int64_t size = 0;
    for (size_t k = 0; k < count; ++k) size |= integers[k] ^ (integers[k] >> 63);
    const size_t empties = size < (int64_t(1) << 61) / static_cast<int64_t>(F::LENGTH) ? 1 : width;
    for (size_t j = 0; j < empties; ++j) {
      for (size_t first = 0; first < count; first += width) {
        int64_t sum = 0;
        for (size_t k = j; k < width; k += empties) sum += integers[first + k];
        integers[first] = sum;
      }
      empty(0, target_);
    }
    std::memset(integers, 0, count * sizeof(int64_t));
    groups_ = 0;
    isFull_ = false;
  }

  size_t target_ = 0;
  size_t groups_ = 0;
  /** Groups that fit since some did not. */
  size_t fits_ = 0;
  /** Whether no bins were enough for the values before. */
  bool isSlow_ = false;
  Superaccumulator slow_;
};

}  // namespace
}  // namespace BN_ISA
}  // namespace bn
