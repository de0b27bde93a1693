// Exponents of values, and the bins that they need: see exact-bins.h.
#pragma once
#include "exact-runs.h"

namespace bn {
namespace BN_ISA {
namespace {

/** Exponents of floats: all are below 2^above, and 2^unit divides them; `above` is `unit` where all are 0. */
struct Span {
  int above, unit;

  /** From what Extremes give, where nothing is infinite or NaN. */
  static Span of(uint32_t most, uint32_t least) {
    if (least >= INFINITE) return {0, 0};
    return {exponent(most) + 24, exponent(least + 1)};
  }
  Span operator*(Span other) const { return {above + other.above, unit + other.unit}; }

 private:
  /** Of the last bit. */
  static int exponent(uint32_t bits) {
    const int field = static_cast<int>(bits >> 23);
    return (field == 0 ? 1 : field) - 150;
  }
};

/** Units of the bins for values below 2^above. */
inline int unitOfBin(int above, int bin) { return above + TERMS_BITS - 51 - bin * BIN_BITS; }
/** Values of runs that may be added before bins are settled, where each run ends in a vector that is not full. */
inline size_t mostAtOnce(size_t run) { return (TERMS - 2) * F::LENGTH * run / (run + F::LENGTH); }

/** Which bins there are for first sums and for second ones, and what adds to them: products, or squares. */
struct Choice {
  int first, second;
  void (*addRows[2])(BinState&, size_t j, size_t columns, const Rows&, bool areFirst);
  void (*addRuns[2])(BinState&, const Runs&);

  int bins() const { return first + second; }
  /** What BinVector says: whether there are twins, and whether the largest magnitudes are looked at. */
  bool haveTwins() const { return bins() <= 4; }
  bool knowMost(bool squares) const { return !squares || bins() > 3; }
  /** Bits from the unit of the values to their largest exponent. */
  static int reach(int bins) { return BIN_BITS * bins - 1; }
};
template <int FIRST, int SECOND>
constexpr Choice choiceOf() {
  return {FIRST,
          SECOND,
          {addRows<FIRST, SECOND, false>, addRows<FIRST, SECOND, true>},
          {addRuns<FIRST, SECOND, false>, addRuns<FIRST, SECOND, true>}};
}
/** Each is enough wherever the one before is. */
constexpr Choice CHOICES[] = {choiceOf<1, 2>(), choiceOf<1, 3>(), choiceOf<2, 3>(), choiceOf<2, 4>(), choiceOf<3, 6>()};
constexpr int CHOICE_COUNT = 5;
/** One that is good for looking at magnitudes. */
constexpr const Choice& LOOK = CHOICES[1];

/** The cheapest that is enough for values g and their products with d; CHOICE_COUNT where none is. */
inline int choiceFor(Span g, Span d) {
  const int first = g.above - g.unit, second = first + d.above - d.unit;
  int choice = 0;
  while (choice < CHOICE_COUNT &&
         (Choice::reach(CHOICES[choice].first) < first || Choice::reach(CHOICES[choice].second) < second)) {
    ++choice;
  }
  return choice;
}

/** The magnitudes that fit a window: below `most`, and above `least` where they are not 0. */
inline Magnitude limitsOf(Span span) {
  const int high = span.above + 127, low = span.unit + 150;
  const uint32_t least = low <= 1 ? 0 : low >= 255 ? INFINITE : (static_cast<uint32_t>(low) << 23) - 1;
  return {high >= 255 ? INFINITE : static_cast<uint32_t>(high) << 23, least};
}

/** The spans of g and d for which bins are made: what was seen, and what more they reach, above it and below. */
struct Window {
  Span g, d;

  static Window of(const Choice& choice, Span g, Span d, bool squares) {
    const int first = Choice::reach(choice.first), second = Choice::reach(choice.second);
    if (squares) {
      const int reach = first < second / 2 ? first : second / 2;
      g = widened(g, reach - (g.above - g.unit));
      return {g, g};
    }
    const int room = second - (g.above - g.unit) - (d.above - d.unit), ofFirst = first - (g.above - g.unit);
    const int ofG = ofFirst < room / 2 ? ofFirst : room / 2;
    return {widened(g, ofG), widened(d, room - ofG)};
  }

 private:
  static Span widened(Span span, int room) {
    const int up = room / 4 < 2 ? room / 4 : 2;
    return {span.above + up, span.unit - (room - up)};
  }
};

}  // namespace
}  // namespace BN_ISA
}  // namespace bn
