// Exponents of values, and the bins that they need: see exact-bins.h.
#pragma once
#include "exact-runs.h"

namespace bn {
namespace BN_ISA {
namespace {

BN_INLINE int smaller(int a, int b) { return a < b ? a : b; }
BN_INLINE int larger(int a, int b) { return a > b ? a : b; }

/** Exponents of floats: all are below 2^above, and 2^unit divides them; `above` is `unit` where all are 0. */
struct Span {
  int above, unit;

  /** From what Extremes give, where nothing is infinite or NaN. */
  static BN_INLINE Span of(uint32_t most, uint32_t least) {
    const int isAny = -static_cast<int>(least < INFINITE);
    return {(exponent(most) + 24) & isAny, exponent(least + 1) & isAny};
  }
  int bits() const { return above - unit; }
  BN_INLINE Span operator*(Span other) const { return {above + other.above, unit + other.unit}; }

 private:
  /** Of the last bit. */
  static BN_INLINE int exponent(uint32_t bits) { return larger(static_cast<int>(bits >> 23), 1) - 150; }
};

/** The values of so many in each column, in runs that may end in a vector that is not full. */
inline size_t valuesOf(size_t terms, size_t run) { return (terms - 2) * F::LENGTH * run / (run + F::LENGTH); }
/** How far below the largest exponent of values is the unit of the first of the bins for them. */
constexpr int UNIT_BELOW = 51 - TERMS_BITS;
/** Where the unit of a bin comes from: how much higher it is than that of the first bin `of` first sums or second. */
struct UnitPlace {
  int of, higher;
};

/** Which bins there are for first sums and for second ones, and what adds to them: products, or squares. */
struct Choice {
  int first, second;
  void (*addRows[2])(BinState&, size_t begin, size_t end, const Rows&, bool areFirst);
  size_t (*addRuns[2])(BinState&, const Runs&);
  /** Whether sums are whole numbers, as exact-fixed.h has them: one for the first sum, two for the second. */
  bool isFixed;
  /** Which of bins are whole numbers. */
  WholeBins whole;
  /** Bits from the unit of values, or of products, to their largest exponent. */
  int reachOfFirst, reachOfSecond;

  int bins() const { return first + second; }
  bool isFirstWhole() const { return whole != WholeBins::NONE; }
  bool isSecondWhole() const { return whole == WholeBins::BOTH; }
  bool isWhole(int bin) const { return (isFirstWhole() && bin == first - 1) || (isSecondWhole() && bin == bins() - 1); }
  /** How far below the largest exponent of first values is their unit. */
  int below() const { return isWhole(0) ? WHOLE_BITS : UNIT_BELOW; }
  /** What BinVector says: whether there are twins, and whether the largest magnitudes are looked at. */
  bool haveTwins(bool squares) const { return !isFixed && (squares || MANY_REGISTERS) && bins() <= 4; }
  bool knowMost(bool squares) const { return !isFixed && (!squares || isFirstWhole() || bins() > 3); }
  /** Values that are added at most before bins are settled. */
  size_t terms() const { return isFixed ? FIXED_TERMS : TERMS; }
  UnitPlace anchorPlace(int bin) const {
    if (isFixed) return {bin == 0 ? 0 : 1, 0};
    const int k = bin < first ? bin : bin - first;
    const int lower = k > 0 && isWhole(bin) ? (k - 1) * BIN_BITS + WHOLE_BITS : k * BIN_BITS;
    return {bin < first ? 0 : 1, -lower};
  }
  /** Of whole numbers, those of products are in units of d, to which those of g are added. */
  UnitPlace integerPlace(int bin) const {
    return isFixed ? UnitPlace{bin == 0 ? 0 : 1, bin == 1 ? 52 : 0} : anchorPlace(bin);
  }
  bool isEnough(Span g, Span d) const {
    if (isFixed) return g.bits() <= FIXED_REACH && d.bits() <= FIXED_REACH;
    return g.bits() <= reachOfFirst && g.bits() + d.bits() <= reachOfSecond;
  }
};

constexpr int reachOf(int bins, bool isLastWhole) {
  return isLastWhole ? BIN_BITS * (bins - 1) + WHOLE_BITS - 1 : BIN_BITS * bins - 1;
}
template <int FIRST, int SECOND, template <bool> class Vector>
constexpr Choice choiceOf(bool isFixed, WholeBins whole = WholeBins::NONE) {
  return {FIRST,
          SECOND,
          {addRows<Vector, false>, addRows<Vector, true>},
          {addRuns<Vector, false>, addRuns<Vector, true>},
          isFixed,
          whole,
          isFixed ? FIXED_REACH : reachOf(FIRST, whole != WholeBins::NONE),
          reachOf(SECOND, whole == WholeBins::BOTH)};
}
template <int FIRST, int SECOND, WholeBins WHOLE>
struct BinsOf {
  template <bool SQUARES>
  using Vector = BinVector<FIRST, SECOND, WHOLE, SQUARES>;
};
template <int FIRST, int SECOND, WholeBins WHOLE = WholeBins::NONE>
constexpr Choice binsOf() {
  return choiceOf<FIRST, SECOND, BinsOf<FIRST, SECOND, WHOLE>::template Vector>(false, WHOLE);
}

/** Bits below gradients that the first choice wants free: the next values are seldom as large and as small. */
constexpr int GRADIENT_ROOM = 2;

/** Which choices there are. Each is enough wherever the one before is. */
struct Choices {
  const Choice* list;
  int count;
  /** The last one of those that cost little more than the first, and have more room. */
  int roomy;

  static Choices of(bool canBeFixed);
  /** The cheapest that is enough for values g and their products with d; `count` where none is. */
  int cheapest(Span g, Span d) const {
    int choice = 0;
    while (choice < count && !list[choice].isEnough(g, d)) ++choice;
    return choice;
  }
  /** Whether g fills the first choice so far that the next values will hardly fit, but not the roomy one. */
  bool isTight(Span g, Span d) const {
    return !list[0].isEnough({g.above, g.unit - GRADIENT_ROOM}, d) && list[roomy].isEnough(g, d);
  }
};
constexpr Choice BINNED[] = {
    binsOf<1, 2>(), binsOf<1, 2, WholeBins::BOTH>(), binsOf<1, 3, WholeBins::FIRST>(), binsOf<2, 3>(), binsOf<2, 4>(),
    binsOf<3, 6>()};
/** No bins at all: values are only looked at. */
constexpr Choice LOOK = choiceOf<0, 0, LookVector>(false);
#if defined(BN_AVX512) && !defined(BN_WITHOUT_IFMA)
constexpr Choice FIXED[] = {choiceOf<1, 2, FixedVector>(true), binsOf<2, 3>(), binsOf<2, 4>(), binsOf<3, 6>()};
inline Choices Choices::of(bool canBeFixed) { return canBeFixed ? Choices{FIXED, 4, 0} : Choices{BINNED, 6, 1}; }
#else
inline Choices Choices::of(bool) { return {BINNED, 6, 1}; }
#endif

/** The magnitudes that fit a window: below `most`, and above `least` where they are not 0. */
BN_INLINE Magnitude limitsOf(Span span) {
  const int above = smaller(span.above + 127, 255), unit = smaller(span.unit + 150, 255);
  const uint32_t least = (static_cast<uint32_t>(unit) << 23) - 1;
  return {static_cast<uint32_t>(above) << 23, unit <= 1 ? 0 : least};
}

/**
 * The spans of g and d for which bins are made: what was seen, and what more they reach, above it and below. Values of
 * an input mostly become smaller than the first ones; gradients of some samples are 2^9 times those of the first.
 */
struct Window {
  Span g, d;

  /** By how far the bins for first sums reach, and those for second ones. */
  static BN_INLINE Window of(bool isFixed, int first, int second, Span g, Span d, bool squares) {
    if (isFixed) {
      const int ofG = FIXED_REACH - g.bits(), ofD = FIXED_REACH - d.bits();
      return {squares ? widened(g, ofG) : raised(g, ofG, ofG / 2), widened(d, ofD)};
    }
    if (squares) {
      const int reach = smaller(first, second / 2);
      g = widened(g, reach - g.bits());
      return {g, g};
    }
    const int room = second - g.bits() - d.bits(), ofFirst = first - g.bits();
    const int ofG = smaller(ofFirst, room / 2);
    return {raised(g, ofG, ofG / 2), widened(d, room - ofG)};
  }

 private:
  static BN_INLINE Span widened(Span span, int room) { return raised(span, room, smaller(room / 4, 2)); }
  /** No higher than the limbs of an integer have room for. */
  static BN_INLINE Span raised(Span span, int room, int most) {
    constexpr int HIGHEST = 130;
    const int up = smaller(most, HIGHEST - span.above);
    return {span.above + up, span.unit - (room - up)};
  }
};

}  // namespace
}  // namespace BN_ISA
}  // namespace bn
