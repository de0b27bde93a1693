// Exact sums of a block of columns whose rows pass: each column has bins of its own, anchored where its values lie, and
// an int64 for each bin. Which bins there are is one choice for the block, looked at again as the rows go by: wide data
// get more bins, and nothing is summed twice. A channel whose values lie side by side in memory is a block, too, whose
// columns are all of that channel.
#pragma once
#include "exact-slow.h"
#include "exact-span.h"

namespace bn {
namespace BN_ISA {
namespace {

/** Columns of a block. */
constexpr size_t MOST_COLUMNS = 64;
/** Rows whose bins may be emptied into the same integers, in TERMS: so that 64 columns together stay below 2^62. */
constexpr size_t FULL = 32;
/** Cheaper bins are looked for when so many strips were added. */
constexpr size_t LOOK_EACH = 8;

/** The extremes of COUNT vectors of columns side by side. */
template <size_t COUNT>
struct ExtremesOf {
  Extremes own;
  ExtremesOf<COUNT - 1> rest;

  BN_INLINE void see(const float* values) {
    own.see(F::load(values));
    rest.see(values + F::LENGTH);
  }
  BN_INLINE void see(const float* values, const float* center) {
    own.see(sub(F::load(values), F::load(center)));
    rest.see(values + F::LENGTH, center + F::LENGTH);
  }
  void save(uint32_t* most, uint32_t* least) const {
    own.save(most, least);
    rest.save(most + F::LENGTH, least + F::LENGTH);
  }
};
template <>
struct ExtremesOf<0> {
  BN_INLINE void see(const float*) {}
  BN_INLINE void see(const float*, const float*) {}
  void save(uint32_t*, uint32_t*) const {}
};

/** What was seen of the values of each column. */
struct Seen {
  alignas(64) uint32_t most[MOST_COLUMNS], least[MOST_COLUMNS];

  /** At g, or at d or d − center, in `width` columns, a multiple of STEP. */
  template <bool OF_G>
  BN_NOINLINE void look(const Rows& rows, size_t width) {
    size_t j = 0;
    for (; j + 4 * F::LENGTH <= width; j += 4 * F::LENGTH) lookAt<OF_G, 4>(rows, j);
    if (j < width) lookAt<OF_G, 2>(rows, j);
  }
  /** What all columns have together, in the first one. */
  void join(size_t width) {
    uint32_t high = 0, low = 0xffffffff;
    for (size_t j = 0; j < width; ++j) {
      high = most[j] > high ? most[j] : high;
      low = least[j] < low ? least[j] : low;
    }
    most[0] = high;
    least[0] = low;
  }
  Span span(size_t j) const { return Span::of(most[j], least[j]); }

 private:
  template <bool OF_G, size_t COUNT>
  void lookAt(const Rows& rows, size_t j) {
    ExtremesOf<COUNT> extremes;
    for (size_t k = 0; k < rows.count; ++k) {
      const Piece& piece = rows.pieces[k];
      const float *at = (OF_G ? piece.g : piece.d) + j, *const end = at + piece.count * piece.stride;
      if (OF_G || piece.center == nullptr) {
        for (; at != end; at += piece.stride) extremes.see(at);
      } else {
        for (; at != end; at += piece.stride) extremes.see(at, piece.center + j);
      }
    }
    extremes.save(most + j, least + j);
  }
};

class ColumnBlock {
 public:
  /**
   * The first `columns` of `width`, a multiple of STEP, are summed, each by itself or all together; `squares`: d is g.
   */
  ColumnBlock(size_t columns, size_t width, bool together, bool squares)
      : columns_(together ? 1 : columns), width_(width), together_(together), squares_(squares) {
    if (!together_ && columns_ < width_) std::memset(anchors_, 0, sizeof anchors_);
  }
  ColumnBlock(const ColumnBlock&) = delete;
  ColumnBlock& operator=(const ColumnBlock&) = delete;

  /** What is added from here on belongs to the sums of another channel. Its values may well fit the same bins. */
  void turnTo(int64_t* sums) {
    empty();
    targets_[0] = sums;
    if (choice_ != nullptr) std::memset(integers_, 0, choice_->bins() * width_ * sizeof(int64_t));
  }
  /** The sums to which column j belongs. */
  void setTarget(size_t j, int64_t* sums) { targets_[j] = sums; }
  /** Moves what was added to the sums where it belongs. */
  void finish() {
    empty();
    choice_ = nullptr;
  }

  void add(const Rows& rows) {
    g_.look<true>(rows, width_);
    if (!squares_) d_.look<false>(rows, width_);
    if (together_) {
      g_.join(width_);
      if (!squares_) d_.join(width_);
    }
    ++strips_;
    const bool fit = choice_ != nullptr && strips_ < FULL && isFit();
    const bool cheapest = choice_ == CHOICES || (!together_ && strips_ % LOOK_EACH != 0);
    if ((fit && cheapest) || choose()) return choice_->add(integers_, anchors_, width_, rows);
    addWithStrays(rows);
  }

 private:
  const Seen& seenOfD() const { return squares_ ? g_ : d_; }

  bool isFit() const {
    uint32_t misfits = 0;  // no branch, so that this becomes vectors
    for (size_t j = 0; j < columns_; ++j) misfits |= (g_.most[j] >= mostG_[j]) | (g_.least[j] < leastG_[j]);
    if (squares_) return misfits == 0;
    for (size_t j = 0; j < columns_; ++j) misfits |= (d_.most[j] >= mostD_[j]) | (d_.least[j] < leastD_[j]);
    return misfits == 0;
  }
  bool isFit(size_t j) const {
    return g_.most[j] < mostG_[j] && g_.least[j] >= leastG_[j] &&
           (squares_ || (d_.most[j] < mostD_[j] && d_.least[j] >= leastD_[j]));
  }
  bool areFinite(size_t j) const { return g_.most[j] < INFINITE && seenOfD().most[j] < INFINITE; }
  /** The choice that a column needs: CHOICE_COUNT where none is enough, or something is not finite. */
  int choiceOf(size_t j) const {
    if (!areFinite(j)) return CHOICE_COUNT;
    return choiceFor(g_.span(j), seenOfD().span(j));
  }

  /** Chooses bins for what was seen. False where some columns are strays: no bins are enough for them. */
  bool choose() {
    int needed = 0;
    strays_ = 0;
    for (size_t j = 0; j < columns_; ++j) {
      const int own = choiceOf(j);
      isStray_[j] = own == CHOICE_COUNT;
      if (isStray_[j]) {
        ++strays_;
      } else if (own > needed) {
        needed = own;
      }
    }
    if (together_ && strays_ > 0) return false;
    const bool fresh = choice_ != &CHOICES[needed] || strips_ >= FULL || (together_ && !isFit(0));
    if (fresh) empty();
    choice_ = &CHOICES[needed];
    if (fresh) std::memset(integers_, 0, choice_->bins() * width_ * sizeof(int64_t));
    for (size_t j = 0; j < columns_; ++j) {
      if (fresh || (!isStray_[j] && !isFit(j))) anchor(j, fresh);
    }
    if (together_ && fresh) spread();
    return strays_ == 0;
  }

  /** New anchors for column j. */
  void anchor(size_t j, bool fresh) {
    if (!fresh) empty(j);
    const Span none{0, 0};
    const Window window = isStray_[j] ? Window::of(*choice_, none, none, squares_)
                                      : Window::of(*choice_, g_.span(j), seenOfD().span(j), squares_);
    const Limits ofG = Limits::of(window.g), ofD = Limits::of(window.d);
    mostG_[j] = ofG.most;
    leastG_[j] = ofG.least;
    mostD_[j] = ofD.most;
    leastD_[j] = ofD.least;
    firstAbove_[j] = window.g.above;
    secondAbove_[j] = (window.g * window.d).above;
    for (int bin = 0; bin < choice_->bins(); ++bin) {
      anchors_[bin * width_ + j] = 1.5 * powerOfTwo(52 + unitOf(bin, j));
      integers_[bin * width_ + j] = 0;
    }
  }
  int unitOf(int bin, size_t j) const {
    return bin < choice_->first ? unitOfBin(firstAbove_[j], bin) : unitOfBin(secondAbove_[j], bin - choice_->first);
  }
  /** The anchors of the first column, for all. */
  void spread() {
    for (int bin = 0; bin < choice_->bins(); ++bin) {
      for (size_t j = 1; j < width_; ++j) anchors_[bin * width_ + j] = anchors_[bin * width_];
    }
  }

  /** Strays are summed one by one, and have no part in what the bins make of them. */
  BN_NOINLINE void addWithStrays(const Rows& rows) {
    for (size_t k = 0; together_ && k < rows.count; ++k) {
      const Piece& piece = rows.pieces[k];
      const Strays strays{piece.g, piece.d, piece.center, piece.count * piece.stride, 1};
      slow_.add(targets_[0], strays, areFinite(0));
    }
    if (together_) return;
    int64_t kept[MOST_BINS * MOST_COLUMNS];
    const int bins = choice_->bins();
    std::memcpy(kept, integers_, bins * width_ * sizeof(int64_t));
    choice_->add(integers_, anchors_, width_, rows);
    for (size_t j = 0; j < columns_; ++j) {
      if (!isStray_[j]) continue;
      const Piece& piece = rows.pieces[0];
      const float* const center = piece.center == nullptr ? nullptr : piece.center + j;
      const Strays strays{piece.g + j, piece.d + j, center, piece.count, piece.stride};
      addEach(targets_[j], strays, areFinite(j));
      for (int bin = 0; bin < bins; ++bin) integers_[bin * width_ + j] = kept[bin * width_ + j];
    }
  }

  /** Moves the integers of all columns to the sums of their channels. */
  void empty() {
    strips_ = 0;
    slow_.empty(targets_[0]);
    if (choice_ == nullptr) return;
    if (!together_) {
      for (size_t j = 0; j < columns_; ++j) empty(j);
      return;
    }
    for (int bin = 0; bin < choice_->bins(); ++bin) {
      int64_t sum = 0;
      for (size_t j = 0; j < width_; ++j) sum += integers_[bin * width_ + j];
      integers_[bin * width_] = sum;
    }
    empty(0);
  }
  void empty(size_t j) {
    for (int bin = 0; bin < choice_->bins(); ++bin) {
      const bool first = bin < choice_->first;
      addShifted(targets_[j] + (first ? 0 : SECOND_AT), integers_[bin * width_ + j],
                 unitOf(bin, j) - (first ? FIRST_UNIT : SECOND_UNIT));
    }
  }

  int64_t* targets_[MOST_COLUMNS];
  const size_t columns_, width_;
  const bool together_, squares_;
  const Choice* choice_ = nullptr;
  size_t strips_ = 0, strays_ = 0;
  Superaccumulator slow_;
  Seen g_, d_;
  alignas(64) uint32_t mostG_[MOST_COLUMNS], leastG_[MOST_COLUMNS], mostD_[MOST_COLUMNS], leastD_[MOST_COLUMNS];
  int firstAbove_[MOST_COLUMNS], secondAbove_[MOST_COLUMNS];
  bool isStray_[MOST_COLUMNS];
  alignas(64) double anchors_[MOST_BINS * MOST_COLUMNS];
  alignas(64) int64_t integers_[MOST_BINS * MOST_COLUMNS];
};

}  // namespace
}  // namespace BN_ISA
}  // namespace bn
