// Exact sums of a block of columns whose rows pass. Each column has bins of its own, anchored where its values lie;
// which bins there are is one choice for the block. A strip of rows is added to the bins of the strip before it, while
// the exponents are looked at; vectors of columns that do not fit are added once more, to other bins.
#pragma once
#include "exact-binned.h"

namespace bn {
namespace BN_ISA {
namespace {

/** Strips whose bins may be emptied into the same integers: so each stays below 2^61. */
constexpr size_t FULL_STRIPS = 1024;
/** Cheaper bins are looked for when so many strips were added. */
constexpr size_t LOOK_EACH = 8;
/** Rows that tell where the first bins are anchored. */
constexpr size_t FIRST_ROWS = 8;

class ColumnBlock : Binned {
 public:
  /** Each of the first `columns` of `width`, a multiple of STEP, is summed by itself. */
  ColumnBlock(size_t columns, size_t width, bool squares) : Binned(width, squares), columns_(columns) {}

  /** The sums to which column j belongs. */
  void setTarget(size_t j, ExactTotals& totals) { targets_[j] = &totals; }
  /** Moves what was added to the sums where it belongs. */
  void finish() {
    if (choice_ != nullptr) emptyAll();
    choice_ = nullptr;
  }

  void add(const Rows& rows) {
    if (choice_ == nullptr) peek(rows);
    if (strips_ == FULL_STRIPS) emptyAll();
    ++strips_;
    const Misses misses = addTo(rows);
    if (misses.count > 0) return addMissed(rows, misses);
    if (choice_ == CHOICES || strips_ % LOOK_EACH != 0) return;
    const int needed = neededForAll();
    if (&CHOICES[needed] != choice_) choose(needed);
  }

 private:
  /** Vectors of columns that did not fit. */
  struct Misses {
    size_t begin[MOST_COLUMNS / F::LENGTH], count = 0, columns;
  };
  /** Columns that no bins are enough for. */
  struct Strays {
    size_t column[MOST_COLUMNS], count = 0;
    bool isFinite[MOST_COLUMNS];
    int64_t kept[MOST_BINS * MOST_COLUMNS];
  };

  Misses addTo(const Rows& rows) {
    Misses misses;
    misses.columns = choice_->columns();
    for (size_t j = 0;; j += misses.columns) {
      j = choice_->addRows[squares_](state_, j, state_.width, rows);
      if (j >= state_.width) return misses;
      misses.begin[misses.count++] = j;
    }
  }
  /** Adds rows to columns that did not take them. */
  BN_NOINLINE void addMissed(const Rows& rows, const Misses& misses) {
    Strays strays;
    int needed = static_cast<int>(choice_ - CHOICES);
    bool isMisfit[MOST_COLUMNS] = {};
    for (size_t k = 0; k < misses.count; ++k) {
      for (size_t j = misses.begin[k]; j < minOf(misses.begin[k] + misses.columns, columns_); ++j) {
        if (isFit(j)) continue;
        isMisfit[j] = true;
        const int own = neededFor(j);
        if (own == CHOICE_COUNT) {
          strays.isFinite[strays.count] = isFinite(j);
          strays.column[strays.count++] = j;
          forget(j);
        } else if (own > needed) {
          needed = own;
        }
      }
    }
    if (&CHOICES[needed] != choice_) {
      choose(needed);
    } else {
      for (size_t j = 0; j < columns_; ++j) {
        if (isMisfit[j]) empty(j, *targets_[j]), anchor(j);
      }
    }
    if (strays.count > 0) keep(strays);
    for (size_t k = 0; k < misses.count; ++k) {
      const size_t end = minOf(misses.begin[k] + misses.columns, state_.width);
      choice_->addRows[squares_](state_, misses.begin[k], end, rows);
    }
    if (strays.count > 0) restore(strays, rows);
  }

  /** Strays have no part in what bins make of them: they are summed one by one. */
  void keep(Strays& strays) {
    for (size_t k = 0; k < strays.count; ++k) {
      const size_t j = strays.column[k];
      limit(j, {UINT32_MAX, 0}, {UINT32_MAX, 0});
      for (int bin = 0; bin < choice_->bins(); ++bin) {
        strays.kept[bin * MOST_COLUMNS + k] = state_.integers[bin * state_.width + j];
      }
    }
  }
  void restore(const Strays& strays, const Rows& rows) {
    for (size_t k = 0; k < strays.count; ++k) {
      const size_t j = strays.column[k];
      addEach(targets_[j]->open(), {rows.g + j, rows.d + j, squares_ ? 0 : rows.center[j], rows.count, rows.stride},
              strays.isFinite[k]);
      limit(j, {0, 0}, {0, 0});
      for (int bin = 0; bin < choice_->bins(); ++bin) {
        state_.integers[bin * state_.width + j] = strays.kept[bin * MOST_COLUMNS + k];
      }
    }
  }

  /** Looks at the first rows only, in bins that nothing fits. */
  void peek(Rows rows) {
    choice_ = CHOICES;
    rows.count = minOf(rows.count, FIRST_ROWS);
    for (size_t j = 0; j < state_.width; ++j) {
      forget(j);
      limit(j, {0, 0}, {0, 0});
    }
    std::memset(state_.anchors, 0, sizeof state_.anchors);
    addTo(rows);
    int needed = 0;
    for (size_t j = 0; j < columns_; ++j) {
      const int own = neededFor(j);
      if (own == CHOICE_COUNT) {
        forget(j);
      } else if (own > needed) {
        needed = own;
      }
    }
    choose(needed);
  }
  int neededForAll() const {
    int needed = 0;
    for (size_t j = 0; j < columns_; ++j) {
      const int own = neededFor(j);
      needed = own > needed ? own : needed;
    }
    return needed;
  }
  /** Sets the bins of all columns. Those behind the last one have nothing but zeros. */
  void choose(int choice) {
    if (strips_ > 0) emptyAll();
    choice_ = &CHOICES[choice];
    for (size_t j = columns_; j < state_.width; ++j) forget(j);
    anchorAll();
  }
  void emptyAll() {
    strips_ = 0;
    for (size_t j = 0; j < columns_; ++j) empty(j, *targets_[j]);
  }

  size_t strips_ = 0;
  const size_t columns_;
  ExactTotals* targets_[MOST_COLUMNS];
};

}  // namespace
}  // namespace BN_ISA
}  // namespace bn
