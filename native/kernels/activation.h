// The activation and its gradient: docs/numerics.md, sections 4 and 5. Each activation is a type, so that loops hold no
// branches on it.
#pragma once
#include "coefficients.h"

namespace bn {
namespace BN_ISA {
namespace {

/**
 * y = z. Of each activation GATES says whether its gradient depends on z, and COMMON whether most networks have it.
 */
struct NoActivation {
  static constexpr bool GATES = false, COMMON = true;
};

/** y = max(z, 0), and NaN where z is NaN. */
struct Relu {
  static constexpr bool GATES = true, COMMON = true;
};

/** y = min(max(bend(z, z), low), high). A bound that is NaN bounds nothing. */
template <class T>
struct ThreeLines {
  static constexpr bool GATES = true, COMMON = false;
  T slope, low, high;
};

/** slope·v where z ≤ 0, and v elsewhere. */
template <class V, class T>
BN_INLINE V bend(const ThreeLines<T>& lines, V v, V z) {
  return choose(atMost(z, Traits<V>::splat(0)), mul(v, Traits<V>::splat(lines.slope)), v);
}

/** activate(activation, z) is y: z through the activation. NaN compares with nothing, so it passes. */
template <class V>
BN_INLINE V activate(NoActivation, V z) {
  return z;
}
template <class V>
BN_INLINE V activate(Relu, V z) {
  return relu(z);
}
template <class V, class T>
BN_INLINE V activate(const ThreeLines<T>& lines, V z) {
  const V u = bend(lines, z, z), low = Traits<V>::splat(lines.low), high = Traits<V>::splat(lines.high);
  return choose(atMost(u, low), low, choose(atMost(high, u), high, u));
}

/** gradient(activation, dy, z) is g: dy times the derivative of the activation at z. An activation passes NaN on. */
template <class V>
BN_INLINE V gradient(NoActivation, V dy, V) {
  return dy;
}
template <class V>
BN_INLINE V gradient(Relu, V dy, V z) {
  return gate(dy, z);
}
template <class V, class T>
BN_INLINE V gradient(const ThreeLines<T>& lines, V dy, V z) {
  const V u = bend(lines, z, z), stopped = Traits<V>::splat(0);
  const V g = choose(atMost(u, u), bend(lines, dy, z), u);
  const V belowHigh = choose(atMost(Traits<V>::splat(lines.high), u), stopped, g);
  return choose(atMost(u, Traits<V>::splat(lines.low)), stopped, belowHigh);
}

template <Residual VALUE>
struct ResidualIs {
  static constexpr Residual value = VALUE;
};

/** What the loops with an activation and a residual are compiled for. Most calls have no other ones than these. */
template <class T, Residual RESIDUAL, class ACTIVATION>
using ElementWith = Element<T, RESIDUAL == Residual::NO && ACTIVATION::COMMON>;

/** Residual::NO where the activation does not gate: then its input, and with it the residual, is not looked at. */
template <class ACTIVATION>
constexpr Residual seenBy(Residual residual) {
  return ACTIVATION::GATES ? residual : Residual::NO;
}

/** Calls body(activation, RESIDUAL) with the activation as a type, and whether there is a residual as a constant. */
template <class T, class Body>
inline void withActivation(const Activation& activation, bool residual, const Body& body) {
  const auto knowing = [&](auto chosen) {
    residual ? body(chosen, ResidualIs<Residual::YES>()) : body(chosen, ResidualIs<Residual::NO>());
  };
  if (activation.code == Activation::NONE) return knowing(NoActivation());
  if (activation.code == Activation::RELU) return knowing(Relu());
  const T slope = static_cast<T>(activation.slope), low = static_cast<T>(activation.low);
  body(ThreeLines<T>{slope, low, static_cast<T>(activation.high)}, ResidualIs<Residual::MAYBE>());
}

}  // namespace
}  // namespace BN_ISA
}  // namespace bn
