// Exact sums of a channel whose values lie side by side. A group of values is added to the bins of the values before
// it, while their exponents are looked at; if these do not fit, it is added once more, to other bins.
#pragma once
#include "exact-binned.h"

namespace bn {
namespace BN_ISA {
namespace {

/** Groups whose bins may be emptied into the same integers, so that those of all columns together stay below 2^61. */
constexpr size_t FULL_GROUPS = 32;

class ChannelSum : Binned {
 public:
  explicit ChannelSum(bool squares) : Binned(STEP, squares) {}

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
      const Runs group = runs.take(choice_->mostAtOnce(runs.run));
      const bool isDone = tryTo(group);
      if (isDone && choice_ == CHOICES) continue;
      join();
      const int needed = neededFor(0);
      if (needed == CHOICE_COUNT) {
        addSlowly(group);
      } else if (!isDone) {
        choose(needed);
        addAll(group);
      } else if (&CHOICES[needed] != choice_) {
        choose(needed);
      }
    }
  }

 private:
  bool tryTo(const Runs& group) {
    if (groups_ == FULL_GROUPS) emptyAll();
    ++groups_;
    return choice_->addRuns[squares_](state_, group);
  }
  void addAll(Runs runs) {
    while (runs.count > 0) tryTo(runs.take(choice_->mostAtOnce(runs.run)));
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

  /** Looks at the first values only, in bins that nothing fits. */
  void peek(Runs runs) {
    choice_ = CHOICES;
    forget(0);
    anchor(0);
    limit(0, {0, 0}, {0, 0});
    spread();
    choice_->addRuns[squares_](state_, runs.take(STEP));
    join();
    int needed = neededFor(0);
    if (needed == CHOICE_COUNT) forget(0), needed = 0;
    choose(needed);
  }
  /** What was seen in all columns, in the first one. */
  void join() {
    join(state_.seenOfG);
    if (!squares_) join(state_.seenOfD);
  }
  void join(Magnitudes& seen) const {
    uint32_t most = 0, least = UINT32_MAX;
    for (size_t j = 0; j < choice_->columns(); ++j) {
      most = seen.most[j] > most ? seen.most[j] : most;
      least = seen.least[j] < least ? seen.least[j] : least;
    }
    seen.most[0] = most;
    seen.least[0] = least;
  }
  void choose(int choice) {
    emptyAll();
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
