// Sums of one channel and sums of columns have in common that bins are anchored where values lie, and settled now and
// then: if what was added fits, it is moved to integers, and the bins begin anew.
#pragma once
#include "exact-slow.h"
#include "exact-span.h"
#include "exact-totals.h"

namespace bn {
namespace BN_ISA {
namespace {

/** The bins of some columns, and where they are anchored; of squares, or of products. */
class Binned {
 protected:
  Binned(ExactTotals& totals, size_t width, bool squares, bool canBeFixed)
      : totals_(totals), squares_(squares), choices_(Choices::of(canBeFixed)) {
    state_.width = width;
  }
  Binned(const Binned&) = delete;
  Binned& operator=(const Binned&) = delete;

  /** Whether what was added to the vector of columns at j since it began anew fits its bins; where sums are whole
   * numbers, if no result was inexact. */
  bool isFit(size_t j) const {
    if (choice_->isFixed) return areFixed(state_, j);
    if (!choice_->knowMost(squares_)) return isLeastWithin(j) && areSquaresWithin(j);
    return isSeenFit(j);
  }
  /** Moves `added` values to the integers. */
  void settle(size_t j, size_t added) {
    if (choice_->isFixed) {
      isFull_ |= squares_ ? settleFixed<true>(state_, j, added) : settleFixed<false>(state_, j, added);
      return;
    }
    for (int bin = 0; bin < choice_->bins(); ++bin)
      choice_->isWhole(bin) ? moveWhole(bin, j, added) : move(bin, bin, j);
    if (choice_->haveTwins(squares_)) move(choice_->bins(), choice_->first, j);
  }
  /** Whether what was looked at in the vector of columns at j fits its bins. */
  bool isSeenFit(size_t j) const {
    return isWithin(state_.limitsOfG, state_.seenOfG, j) && (squares_ || isWithin(state_.limitsOfD, state_.seenOfD, j));
  }
  /** The same for column j alone. */
  bool isColumnFit(size_t j) const {
    return isWithin(state_.limitsOfG, state_.seenOfG, j, 1) &&
           (squares_ || isWithin(state_.limitsOfD, state_.seenOfD, j, 1));
  }
  bool isFinite(size_t j) const {
    return state_.seenOfG.most[j] < INFINITE && (squares_ || state_.seenOfD.most[j] < INFINITE);
  }
  /** The choice that what was seen in column j needs: `choices_.count` where none is enough, or some is not finite. */
  int neededFor(size_t j) const { return isFinite(j) ? choices_.cheapest(spanOfG(j), spanOfD(j)) : choices_.count; }
  /** Whether gradients of column j want a choice with more room, lest the next ones are added twice. */
  bool isTight(size_t j) const {
    return !squares_ && choices_.roomy > 0 && isFinite(j) && choices_.isTight(spanOfG(j), spanOfD(j));
  }
  /** Values that are added before they are settled: few where some did not fit of late, since these are added twice. */
  size_t terms() const { return choice_ == nullptr ? TERMS : minOf(terms_, choice_->terms()); }
  void expectMisfits() { terms_ = TERMS; }
  void expectNone() { terms_ = minOf(2 * terms_, FIXED_TERMS); }
  bool isChosen(int choice) const { return choice_ == choices_.list + choice; }
  /** Whether there are no cheaper bins. */
  bool isCheapest() const { return isChosen(0); }
  void forget(size_t j) {
    state_.seenOfG.set(j, ZEROS);
    state_.seenOfD.set(j, ZEROS);
  }

  /** Adds what was seen in column j. */
  void seenIn(size_t j, Magnitude& g, Magnitude& d) const {
    g.widen(state_.seenOfG.at(j));
    if (!squares_) d.widen(state_.seenOfD.at(j));
  }
  void setSeen(size_t j, Magnitude g, Magnitude d) {
    state_.seenOfG.set(j, g);
    state_.seenOfD.set(j, d);
  }
  /** Adds what the bins of column j were anchored for to what was seen, if they are enough for both: values that come
   * and go would else be missed again and again. */
  void recall(size_t j) {
    const Magnitude g = state_.seenOfG.at(j), d = state_.seenOfD.at(j);
    state_.seenOfG.widen(j, anchoredForG_.at(j));
    state_.seenOfD.widen(j, anchoredForD_.at(j));
    if (neededFor(j) <= choice_ - choices_.list) return;
    state_.seenOfG.set(j, g);
    state_.seenOfD.set(j, d);
  }
  /** Sets the bins of column j by what was seen in it; nothing is in them. */
  void anchor(size_t j) {
    anchoredForG_.set(j, state_.seenOfG.at(j));
    anchoredForD_.set(j, state_.seenOfD.at(j));
    place(j, choice_->isFixed, squares_, choice_->reachOfFirst, choice_->reachOfSecond, choice_->below());
    for (int bin = 0; bin < choice_->bins(); ++bin) {
      state_.anchors[bin * state_.width + j] = anchorOf(choice_->anchorPlace(bin), j);
      state_.integers[bin * state_.width + j] = 0;
    }
  }
  /** The same for all columns. */
  BN_NOINLINE void anchorAll() {
    const size_t width = state_.width;
    anchoredForG_.copy(state_.seenOfG, width);
    anchoredForD_.copy(state_.seenOfD, width);
    if (choice_->isFixed) {
      squares_ ? placeAll<true, true>() : placeAll<true, false>();
    } else {
      squares_ ? placeAll<false, true>() : placeAll<false, false>();
    }
    for (int bin = 0; bin < choice_->bins(); ++bin) {
      const UnitPlace place = choice_->anchorPlace(bin);
      for (size_t j = 0; j < width; ++j) state_.anchors[bin * width + j] = anchorOf(place, j);
    }
    std::memset(state_.integers, 0, static_cast<size_t>(choice_->bins()) * width * sizeof(int64_t));
  }
  /** Sets what may be added to column j. */
  BN_INLINE void limit(size_t j, Magnitude ofG, Magnitude ofD) {
    state_.limitsOfG.set(j, ofG);
    state_.limitsOfD.set(j, ofD);
  }
  /** Moves the integers of column j to one of the totals. */
  void empty(size_t j, size_t target) {
    Bin bins[MOST_BINS];
    int64_t any = 0;
    for (int bin = 0; bin < choice_->bins(); ++bin) {
      int64_t& integer = state_.integers[bin * state_.width + j];
      any |= integer;
      bins[bin] = {integer, unitOf(bin, j)};
      integer = 0;
    }
    if (any != 0) totals_.add(target, choice_->first, choice_->second, bins);
  }
  /** Moves the integers of the first columns, one for each of the totals, of which none was set. Their units are those
   * of every `each`th column. */
  BN_NOINLINE void emptyFirst(size_t columns, size_t each) {
    const size_t width = state_.width;
    totals_.setAll(choice_->first, choice_->second);
    for (int bin = 0; bin < choice_->bins(); ++bin) {
      BinRow& row = totals_.row(bin);
      std::memcpy(row.integers, state_.integers + bin * width, columns * sizeof(int64_t));
      // A loop of one column after the other becomes vectors.
      each == 1 ? takeUnits(row, bin, columns, 1) : takeUnits(row, bin, columns, each);
    }
    std::memset(state_.integers, 0, static_cast<size_t>(choice_->bins()) * width * sizeof(int64_t));
  }

  ExactTotals& totals_;
  const bool squares_;
  const Choices choices_;
  const Choice* choice_ = nullptr;
  /** Whether some integers want to be emptied before more is added. */
  bool isFull_ = false;
  BinState state_;

 private:
  size_t terms_ = TERMS;
  /** Whether what was seen may be added. No branch in the loop, so that this becomes vectors. */
  static bool isWithin(const Magnitudes& limits, const Magnitudes& seen, size_t j, size_t count = F::LENGTH) {
    uint32_t misfits = 0;
    for (size_t k = j; k < j + count; ++k) {
      misfits |= (seen.most[k] >= limits.most[k]) | (seen.least[k] < limits.least[k]);
    }
    return misfits == 0;
  }
  bool isLeastWithin(size_t j) const {
    uint32_t misfits = 0;
    for (size_t k = j; k < j + F::LENGTH; ++k) misfits |= state_.seenOfG.least[k] < state_.limitsOfG.least[k];
    return misfits == 0;
  }
  /**
   * Whether sums of squares stayed so low that none of them can have left its bins: they only grow. Values have, too:
   * their sum is at most the root of TERMS times that of the squares. (64 is more than all that was rounded away.)
   */
  bool areSquaresWithin(size_t j) const {
    const size_t width = state_.width, top = choice_->first * width + j, twin = choice_->bins() * width + j;
    uint64_t sums = 0;
    for (size_t k = 0; k < F::LENGTH; ++k) {
      const uint64_t anchor = bitsOf(state_.anchors[top + k]) - 64;
      sums |= (bitsOf(state_.sums[top + k]) - anchor) | (bitsOf(state_.sums[twin + k]) - anchor);
    }
    return sums >> 50 == 0;
  }
  static uint64_t bitsOf(double value) {
    uint64_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    return bits;
  }
  /** Moves what is in bins `from` of the vector at j to the integers of bin `to`. */
  void move(int from, int to, size_t j) {
    const size_t width = state_.width;
    for (size_t k = j; k < j + F::LENGTH; k += D::LENGTH) {
      int64_t* const at = state_.integers + to * width + k;
      const D sum = D::load(state_.sums + from * width + k), anchor = D::load(state_.anchors + to * width + k);
      store(at, add(L::load(at), bitsBetween(sum, anchor)));
    }
  }
  /** Moves the whole numbers of the vector at j, to which `added` values were added with their anchors. */
  void moveWhole(int bin, size_t j, size_t added) {
    int64_t size = 0;
    for (size_t k = bin * state_.width + j, end = k + F::LENGTH; k < end; ++k) {
      int64_t& integer = state_.integers[k];
      integer += static_cast<int64_t>(bitsOf(state_.sums[k]) - added * bitsOf(state_.anchors[k]));
      size |= integer ^ (integer >> 63);
    }
    isFull_ |= size >> 60 != 0;
  }
  Span spanOfG(size_t j) const { return Span::of(state_.seenOfG.most[j], state_.seenOfG.least[j]); }
  Span spanOfD(size_t j) const {
    return squares_ ? spanOfG(j) : Span::of(state_.seenOfD.most[j], state_.seenOfD.least[j]);
  }
  BN_INLINE void takeUnits(BinRow& row, int bin, size_t columns, size_t each) const {
    const UnitPlace place = choice_->integerPlace(bin);
    const int *const own = units_[place.of], *const more = units_[0];
    const int isSum = choice_->isFixed && bin > 0 ? 1 : 0;
    for (size_t j = 0; j < columns; ++j) row.units[j] = own[j * each] + place.higher + isSum * more[j * each];
  }
  /** Sets the window of column j, for bins that reach so far, and with the unit of first values so far `below`. */
  BN_INLINE void place(size_t j, bool isFixed, bool squares, int first, int second, int below) {
    const Span g = spanOfG(j), d = squares ? g : Span::of(state_.seenOfD.most[j], state_.seenOfD.least[j]);
    const Window window = Window::of(isFixed, first, second, g, d, squares);
    limit(j, limitsOf(window.g), limitsOf(window.d));
    units_[0][j] = isFixed ? window.g.unit : window.g.above - below;
    units_[1][j] = isFixed ? window.d.unit : (window.g * window.d).above - UNIT_BELOW;
  }
  /** No branches, so that loops become vectors. */
  template <bool FIXED, bool SQUARES>
  BN_NOINLINE void placeAll() {
    const int first = choice_->reachOfFirst, second = choice_->reachOfSecond, below = choice_->below();
    const size_t width = state_.width;
    for (size_t j = 0; j < width; ++j) place(j, FIXED, SQUARES, first, second, below);
  }
  double anchorOf(UnitPlace place, size_t j) const { return 1.5 * powerOfTwo(52 + units_[place.of][j] + place.higher); }
  int unitOf(int bin, size_t j) const {
    const UnitPlace place = choice_->integerPlace(bin);
    return units_[place.of][j] + place.higher + (choice_->isFixed && bin > 0 ? units_[0][j] : 0);
  }

  Magnitudes anchoredForG_, anchoredForD_;
  /** The largest unit of first bins and of second ones; of whole numbers, the units of g and d. */
  int units_[2][MOST_COLUMNS];
};

}  // namespace
}  // namespace BN_ISA
}  // namespace bn
