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

class ChannelSum : Binned {
 public:
  explicit ChannelSum(bool squares) : Binned(F::LENGTH, squares) {}

  /** What is added from here on belongs to the sums of another channel. Its values may well fit the same bins. */
  void turnTo(ExactTotals& totals) {
    finish();
    target_ = &totals;
  }
  /** Moves what was added to the sums where it belongs. */
  void finish() {
    if (!slow_.isEmpty()) slow_.empty(target_->open());
    if (groups_ > 0) emptyAll();
  }
  void add(Runs runs) {
    if (choice_ == nullptr) peek(runs);
    while (runs.count > 0) {
      const Runs group = runs.take(mostAtOnce(runs.run));
      choice_->addRuns[squares_](state_, group);
      if (!isFit(0)) {
        addMisfit(group);
        continue;
      }
      settleGroup();
      if (choice_ != CHOICES) cheapen();
    }
  }

 private:
  void settleGroup() {
    settle(0);
    if (++groups_ == FULL_GROUPS) emptyAll();
  }
  /** Adds values to other bins, or one by one where no bins are enough. */
  BN_NOINLINE void addMisfit(const Runs& group) {
    if (!choice_->knowMost(squares_)) LOOK.addRuns[squares_](state_, group);
    join();
    const int needed = neededFor(0);
    if (needed == CHOICE_COUNT) return addSlowly(group);
    choose(needed);
    choice_->addRuns[squares_](state_, group);
    settleGroup();
  }
  /** Chooses cheaper bins if they had been enough. */
  void cheapen() {
    join();
    const int needed = neededFor(0);
    if (&CHOICES[needed] != choice_) choose(needed);
  }
  void addSlowly(const Runs& runs) {
    const float *g = runs.g, *d = runs.d;
    for (size_t left = runs.count, run = runs.first; left > 0; run = runs.run) {
      if (run > left) run = left;
      slow_.add(target_->open(), {g, d, squares_ ? 0 : *runs.center, run, 1}, isFinite(0));
      left -= run;
      g += run + runs.gap;
      d += run + runs.gap;
    }
  }

  /** Looks at the first values only. */
  void peek(Runs runs) {
    choice_ = &LOOK;
    forget(0);
    anchor(0);
    spread();
    LOOK.addRuns[squares_](state_, runs.take(FIRST_VALUES));
    join();
    if (neededFor(0) == CHOICE_COUNT) forget(0);
    choose(neededFor(0));
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
    emptyAll();
    if (&CHOICES[choice] == choice_) recall(0);
    choice_ = &CHOICES[choice];
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
  void emptyAll() {
    const size_t width = state_.width;
    for (int bin = 0; bin < choice_->bins(); ++bin) {
      int64_t* const integers = state_.integers + bin * width;
      int64_t sum = 0;
      for (size_t j = 0; j < width; ++j) sum += integers[j];
      std::memset(integers, 0, width * sizeof(int64_t));
      integers[0] = sum;
    }
    empty(0, *target_);
    groups_ = 0;
  }

  ExactTotals* target_ = nullptr;
  size_t groups_ = 0;
  Superaccumulator slow_;
};

}  // namespace
}  // namespace BN_ISA
}  // namespace bn
