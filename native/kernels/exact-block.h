// Exact sums of a block of columns whose rows pass. Each column has bins of its own, anchored where its values lie,
// those of one channel together; which bins there are is one choice for the block. A strip of rows is added to the bins
// of the strip before it. Columns that did not fit are looked at, unless their exponents are known already, and added
// once more, to other bins.
#pragma once
#include "exact-columns.h"

namespace bn {
namespace BN_ISA {
namespace {

/** Strips whose bins may be moved into the same integers: so each stays below 2^61. */
constexpr size_t FULL_STRIPS = 1024;
/** Cheaper bins are looked for when so many strips were added. */
constexpr size_t LOOK_EACH = 8;
/** Columns that are summed one by one in a strip, rather than that all get more bins for their sake. */
constexpr size_t FEW = 1;
/** One column of so many that is tight makes bins with more room pay for all. */
constexpr size_t ROOM_PAYS = 32;
/** Rows that tell where the first bins are anchored; of gradients, many may be 0, and narrow bins want to know more. */
constexpr size_t FIRST_ROWS = 8, FIRST_GRADIENT_ROWS = 32, FIRST_OF_NARROW = 64;

class ColumnBlock : BinnedColumns {
 public:
  /** Rows `areGathered` where results are rounded between them. */
  ColumnBlock(ExactTotals& totals, Columns columns, bool squares, bool canBeFixed, bool areGathered)
      : BinnedColumns(totals, columns, squares, canBeFixed), areGathered_(areGathered), active_(columns_) {}

  /** From here on only the first columns have rows. */
  void narrow(size_t columns) {
    active_ = columns;
    missed_ = 0;
    if (isLooking_) lookFirst();
  }

  /** Rows that may be added before they are settled: any number is looked at. */
  size_t terms() const { return isLooking_ || strays_ == active_ ? FIXED_TERMS : Binned::terms(); }
  /** Whether columns are summed value by value: best of many rows at once. */
  bool haveStrays() const { return strays_ > 0; }

  /** Calls body(begin, end) for the columns that are wanted next: all of them, or those that did not fit. */
  template <class Body>
  void eachWanted(const Body& body) const {
    if (missed_ == 0) return body(0, active_);
    for (size_t k = 0; k < (isLooking_ ? missed_ : binned_); ++k)
      body(misses_[k], minOf(misses_[k] + F::LENGTH, active_));
  }
  /** Adds rows to a strip, which may be the first of it. */
  void add(const Rows& rows, bool areFirst) {
    if (choice_ == nullptr) peek(rows);
    if (areFirst) added_ = 0, isInexact_ = false;
    added_ += rows.count;
    if (areFirst || areGathered_) Inexact::forget();
    eachWanted([&](size_t begin, size_t end) { addTo(begin, end, rows, areFirst); });
    if (areGathered_) isInexact_ |= Inexact::isNoted();
    if (missed_ == 0 || isLooking_) return;
    if (strays_ > 0) SlowColumns(squares_).add(stray_, strays_, rows);
  }
  /** Ends a part of a strip that is added once more, to bins that do not take so many rows. */
  void settlePart() {
    for (size_t k = 0; k < binned_; ++k) Binned::settle(misses_[k], added_);
    ++strips_;
  }
  /** Ends a strip. False where some columns did not fit, and the same rows are wanted again. */
  bool settle() {
    if (isLooking_) {
      isLooking_ = false;
      if (!areWide_) settleFitting();
      if (missed_ == 0) return emptyFull();
      prepare();
      return false;
    }
    if (missed_ > 0) {
      settleMissed();
      emptyFull();
      if (areWide_) lookFirst();
      return true;
    }
    if (!areGathered_) isInexact_ = Inexact::isNoted();
    const bool isSure = !(choice_->isFixed && isInexact_);
    for (size_t j = 0; j < active_; j += F::LENGTH) {
      if (isSure && isFit(j)) {
        Binned::settle(j, added_);
      } else {
        miss(j);
      }
    }
    ++strips_;
    missed_ > 0 ? expectMisfits() : expectNone();
    if (missed_ > 0) {
      isLooking_ = !choice_->knowMost(squares_);
      if (!isLooking_) prepare();
      return false;
    }
    emptyFull();
    if (!isCheapest() && strips_ % LOOK_EACH == 0) {
      joinAll([&](size_t k) { return isMissed(k); });
      const int needed = neededForAll();
      if (!isChosen(needed)) choose(needed);
    }
    return true;
  }
  /** Moves what was added to the sums where it belongs. */
  void finish() {
    if (choice_ != nullptr) emptyAll();
  }

 private:
  static constexpr Magnitude ANYTHING{UINT32_MAX, 0}, NOTHING{0, UINT32_MAX};

  void addTo(size_t begin, size_t end, const Rows& rows, bool areFirst) {
    const Choice& choice = isLooking_ ? LOOK : *choice_;
    choice.addRows[squares_](state_, begin, end, rows, areFirst);
  }

  /** Settles the vectors that fit after all, as their columns show when they are looked at. */
  void settleFitting() {
    size_t missed = 0;
    for (size_t k = 0; k < missed_; ++k) {
      const size_t j = misses_[k];
      if (isSeenFit(j)) {
        Binned::settle(j, added_);
      } else {
        misses_[missed++] = j;
      }
    }
    missed_ = missed;
  }
  /** Sets bins that what did not fit will fit. Where more bins are wanted by few columns, these are strays. */
  BN_NOINLINE void prepare() {
    size_t misfits = 0, wide = 0, tight = 0, misfit[MOST_COLUMNS];
    joinNew([&](size_t k) { return isMissed(k); });
    int needed = static_cast<int>(choice_ - choices_.list), own[MOST_COLUMNS];
    for (size_t k = 0; k < missed_; ++k) {
      for (size_t j = misses_[k]; j < minOf(misses_[k] + F::LENGTH, active_); ++j) {
        if (isColumnFit(j)) continue;
        own[misfits] = neededFor(j);
        wide += own[misfits] != choices_.count && choices_.list + own[misfits] > choice_;
        tight += isTight(j) ? copies() : 0;
        misfit[misfits++] = j;
      }
    }
    needed = withRoom(needed, tight);
    for (size_t k = 0; k < misfits && wide > FEW * copies(); ++k) {
      if (own[k] != choices_.count && own[k] > needed) needed = own[k];
    }
    for (size_t k = 0; k < misfits; ++k) {
      if (own[k] <= needed) continue;
      stray_[strays_++] = {misfit[k], totals_.open(targetOf(misfit[k])), isFinite(misfit[k])};
      forget(misfit[k]);
    }
    if (isChosen(needed)) {
      bool isDone[MOST_COLUMNS] = {};
      for (size_t k = 0; k < misfits; ++k) {
        bool& isTargetDone = isDone[targetOf(misfit[k])];
        if (!isTargetDone) anchorCopies(misfit[k]);
        isTargetDone = true;
      }
    } else {
      joinAll([&](size_t k) { return isMissed(k); });
      choose(needed);
    }
    for (size_t k = 0; k < strays_; ++k) limit(stray_[k].column, ANYTHING, ANYTHING);
    areWide_ = strays_ > active_ / 2;
    findBinned();
  }
  /** Puts the vectors first that have columns for bins, and not only strays. */
  void findBinned() {
    binned_ = 0;
    for (size_t k = 0, stray = 0; k < missed_; ++k) {
      const size_t j = misses_[k], end = minOf(j + F::LENGTH, active_), before = stray;
      while (stray < strays_ && stray_[stray].column < end) ++stray;
      if (stray - before == end - j) continue;
      misses_[k] = misses_[binned_];
      misses_[binned_++] = j;
    }
  }
  /** Rows are looked at before they are added, since no bins were enough for most of those before. */
  void lookFirst() {
    isLooking_ = true;
    for (size_t j = 0; j < active_; j += F::LENGTH) miss(j);
  }
  void miss(size_t j) { misses_[missed_++] = j; }
  void settleMissed() {
    settlePart();
    for (size_t k = 0; k < strays_; ++k) {
      limit(stray_[k].column, NOTHING, NOTHING);
      for (int bin = 0; bin < choice_->bins(); ++bin) state_.integers[bin * state_.width + stray_[k].column] = 0;
    }
    missed_ = strays_ = 0;
  }

  /** Looks at some rows only. */
  BN_NOINLINE void peek(Rows rows) {
    isLooking_ = true;
    const size_t gradients = choices_.roomy > 0 ? FIRST_OF_NARROW : FIRST_GRADIENT_ROWS;
    const size_t looked = squares_ ? FIRST_ROWS : gradients, apart = maxOf(1, rows.count / looked);
    rows.count = minOf(rows.count, looked);
    rows.stride *= apart;
    addTo(0, active_, rows, true);
    isLooking_ = false;
    joinAll([&](size_t k) { return isMissed(k); });
    choose(neededForAll());
  }
  /** What all columns need but those that no bins are enough for: what was seen of these is forgotten. */
  int neededForAll() {
    int needed = 0;
    size_t tight = 0;
    for (size_t j = 0; j < columns_; ++j) {
      const int own = neededFor(j);
      tight += isTight(j);
      if (own == choices_.count) {
        forget(j);
      } else if (own > needed) {
        needed = own;
      }
    }
    return withRoom(needed, tight);
  }
  /** A choice with room, if so many columns are tight that it pays for all of them. */
  int withRoom(int choice, size_t tight) const {
    return tight * ROOM_PAYS < columns_ || choice >= choices_.roomy ? choice : choices_.roomy;
  }
  /** Sets the bins of all columns. Those behind the last one have nothing but zeros. */
  void choose(int choice) {
    if (choice_ != nullptr) emptyAll();
    const bool areMore = choice_ != nullptr && choice_ < choices_.list + choice;
    choice_ = choices_.list + choice;
    for (size_t j = 0; j < columns_ && areMore; ++j) recall(j);
    for (size_t j = columns_; j < state_.width; ++j) forget(j);
    anchorAll();
  }
  bool emptyFull() {
    if (strips_ >= FULL_STRIPS || isFull_) emptyAll();
    return true;
  }
  void emptyAll() {
    strips_ = 0;
    isFull_ = false;
    emptyColumns();
  }
  bool isMissed(size_t j) const {
    bool is = false;
    for (size_t k = 0; k < missed_; ++k) is |= j - misses_[k] < F::LENGTH;
    return is;
  }

  const bool areGathered_;
  /** Columns that have rows: the first ones. */
  size_t active_;
  size_t strips_ = 0;
  /** Rows that were added since bins began anew, and whether a result was inexact meanwhile. */
  size_t added_ = 0;
  bool isInexact_ = false;
  /** Whether rows that did not fit are looked at, since it is not known how large they are. */
  bool isLooking_ = false;
  /** Vectors of columns that did not fit, and strays among their columns. */
  size_t missed_ = 0, misses_[MOST_COLUMNS / F::LENGTH];
  /** Those of them, the first ones, that are added to bins in the end; and whether most columns were strays. */
  size_t binned_ = 0;
  bool areWide_ = false;
  size_t strays_ = 0;
  Stray stray_[MOST_COLUMNS];
};

}  // namespace
}  // namespace BN_ISA
}  // namespace bn
