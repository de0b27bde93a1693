// Sums of one channel and sums of columns have in common that bins are anchored where values lie.
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
  Binned(size_t width, bool squares) : squares_(squares) { state_.width = width; }
  Binned(const Binned&) = delete;
  Binned& operator=(const Binned&) = delete;

  bool isFit(size_t j) const {
    return areWithin<1>(state_.limitsOfG, state_.seenOfG, j) &&
           (squares_ || areWithin<1>(state_.limitsOfD, state_.seenOfD, j));
  }
  bool isFinite(size_t j) const {
    return state_.seenOfG.most[j] < INFINITE && (squares_ || state_.seenOfD.most[j] < INFINITE);
  }
  /** The choice that what was seen in column j needs: CHOICE_COUNT where none is enough, or something is not finite. */
  int neededFor(size_t j) const { return isFinite(j) ? choiceFor(spanOfG(j), spanOfD(j)) : CHOICE_COUNT; }
  /** As if column j had only zeros. */
  void forget(size_t j) {
    state_.seenOfG.most[j] = state_.seenOfD.most[j] = 0;
    state_.seenOfG.least[j] = state_.seenOfD.least[j] = UINT32_MAX;
  }

  /** Sets the bins of column j by what was seen in it; nothing is in them. */
  void anchor(size_t j) {
    const Window window = Window::of(*choice_, spanOfG(j), spanOfD(j), squares_);
    limit(j, Limits::of(window.g), Limits::of(window.d));
    firstAbove_[j] = window.g.above;
    secondAbove_[j] = (window.g * window.d).above;
    for (int bin = 0; bin < choice_->bins(); ++bin) {
      state_.anchors[bin * state_.width + j] = 1.5 * powerOfTwo(52 + unitOf(bin, j));
      state_.integers[bin * state_.width + j] = 0;
    }
  }
  /** The same for all columns. No branches, so that loops become vectors. */
  BN_NOINLINE void anchorAll() {
    const Choice choice = *choice_;
    const bool squares = squares_;
    const size_t width = state_.width;
    for (size_t j = 0; j < width; ++j) {
      const Window window = Window::of(choice, spanOfG(j), squares ? spanOfG(j) : spanOfD(j), squares);
      limit(j, Limits::of(window.g), Limits::of(window.d));
      firstAbove_[j] = window.g.above;
      secondAbove_[j] = (window.g * window.d).above;
    }
    for (int bin = 0; bin < choice.bins(); ++bin) {
      const bool first = bin < choice.first;
      const int place = first ? bin : bin - choice.first;
      for (size_t j = 0; j < width; ++j) {
        const int above = first ? firstAbove_[j] : secondAbove_[j];
        state_.anchors[bin * width + j] = 1.5 * powerOfTwo(52 + unitOfBin(above, place));
      }
    }
    std::memset(state_.integers, 0, static_cast<size_t>(choice.bins()) * width * sizeof(int64_t));
  }
  /** Sets what may be added to column j. */
  void limit(size_t j, Limits ofG, Limits ofD) {
    state_.limitsOfG.most[j] = ofG.most;
    state_.limitsOfG.least[j] = ofG.least;
    state_.limitsOfD.most[j] = ofD.most;
    state_.limitsOfD.least[j] = ofD.least;
  }
  /** Moves the integers of column j to the sums of its channel. */
  void empty(size_t j, ExactTotals& totals) {
    totals.take(choice_->first, choice_->second, [&](int bin) {
      return Bin{state_.integers[bin * state_.width + j], unitOf(bin, j)};
    });
    for (int bin = 0; bin < choice_->bins(); ++bin) state_.integers[bin * state_.width + j] = 0;
  }

  const bool squares_;
  const Choice* choice_ = nullptr;
  BinState state_;

 private:
  Span spanOfG(size_t j) const { return Span::of(state_.seenOfG.most[j], state_.seenOfG.least[j]); }
  Span spanOfD(size_t j) const {
    return squares_ ? spanOfG(j) : Span::of(state_.seenOfD.most[j], state_.seenOfD.least[j]);
  }
  int unitOf(int bin, size_t j) const {
    return bin < choice_->first ? unitOfBin(firstAbove_[j], bin) : unitOfBin(secondAbove_[j], bin - choice_->first);
  }

  int firstAbove_[MOST_COLUMNS], secondAbove_[MOST_COLUMNS];
};

}  // namespace
}  // namespace BN_ISA
}  // namespace bn
