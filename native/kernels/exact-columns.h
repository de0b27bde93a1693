// Columns that belong to the same sums share bins: what is seen in one of them is seen in all, and their integers are
// added up before they go to these sums.
#pragma once
#include "exact-binned.h"

namespace bn {
namespace BN_ISA {
namespace {

/** Columns j, j + period, j + 2·period … belong to one of the totals, its target, and so do `each` columns side by
 * side. */
struct Columns {
  size_t count, period, each;
};

class BinnedColumns : protected Binned {
 protected:
  BinnedColumns(ExactTotals& totals, Columns columns, bool squares, bool canBeFixed)
      : Binned(totals, divideUp(columns.count, F::LENGTH) * F::LENGTH, squares, canBeFixed),
        columns_(columns.count),
        period_(minOf(columns.count, columns.period)),
        each_(columns.each),
        targets_(divideUp(period_, each_)) {}

  size_t targetOf(size_t j) const { return j % period_ / each_; }
  /** The columns of a target, at most. */
  size_t copies() const { return divideUp(columns_, period_) * each_; }
  /** Calls body(k) for the columns of a target. */
  template <class Body>
  void eachCopy(size_t target, const Body& body) const {
    const size_t first = target * each_, last = minOf(first + each_, period_);
    for (size_t from = first; from < columns_; from += period_) {
      for (size_t k = from; k < minOf(from + last - first, columns_); ++k) body(k);
    }
  }
  /** What was seen in the columns of a target where isNew(k) counts for all of these; what others have seen is older.
   */
  template <class IsNew>
  void joinNew(const IsNew& isNew) {
    for (size_t target = 0; target < targets_ && copies() > 1; ++target) {
      Magnitude g = ZEROS, d = ZEROS;
      eachCopy(target, [&](size_t k) {
        if (isNew(k)) seenIn(k, g, d);
      });
      eachCopy(target, [&](size_t k) {
        if (isNew(k)) setSeen(k, g, d);
      });
    }
  }
  /** The same for all columns: by those where isNew(k), if there are some, or by all. */
  template <class IsNew>
  void joinAll(const IsNew& isNew) {
    for (size_t target = 0; target < targets_ && copies() > 1; ++target) {
      Magnitude g = ZEROS, d = ZEROS;
      bool isAny = false;
      eachCopy(target, [&](size_t k) { isAny |= isNew(k); });
      eachCopy(target, [&](size_t k) {
        if (isNew(k) || !isAny) seenIn(k, g, d);
      });
      eachCopy(target, [&](size_t k) { setSeen(k, g, d); });
    }
  }
  /** Sets the bins of the columns of a target anew, by what was seen in column j, which did not fit. */
  void anchorCopies(size_t j) {
    const Magnitude g = state_.seenOfG.at(j), d = state_.seenOfD.at(j);
    eachCopy(targetOf(j), [&](size_t k) {
      empty(k, targetOf(k));
      setSeen(k, g, d);
      recall(k);
      anchor(k);
    });
  }
  /** Moves the integers of all columns to the totals: each by itself where there is something in these already, or
   * where the sum of those of a target might be 2^61 or more. */
  void emptyColumns() {
    if (!totals_.isAnySet() && sumCopies()) return emptyFirst(targets_, each_);
    for (size_t j = 0; j < columns_; ++j) empty(j, targetOf(j));
  }

  const size_t columns_, period_, each_, targets_;

 private:
  /** Adds up the integers of the columns of each target, which take the places of the first columns; or returns false.
   */
  bool sumCopies() {
    if (copies() == 1) return true;
    const size_t width = state_.width, count = static_cast<size_t>(choice_->bins()) * width;
    int64_t* const integers = state_.integers;
    int64_t size = 0;
    for (size_t k = 0; k < count; ++k) size |= integers[k] ^ (integers[k] >> 63);
    if (size >= (int64_t(1) << 61) / static_cast<int64_t>(copies())) return false;
    for (int64_t* own = integers; own < integers + count; own += width) {
      for (size_t target = 0; target < targets_; ++target) {
        int64_t sum = 0;
        eachCopy(target, [&](size_t k) { sum += own[k]; });
        own[target] = sum;
      }
    }
    return true;
  }
};

}  // namespace
}  // namespace BN_ISA
}  // namespace bn
