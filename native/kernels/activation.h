// What the activation makes of a value and of a gradient: docs/numerics.md, sections 4 and 5. Each is a type, so that
// loops hold no branches on it: y is z through it, g is dy through it, whose input is z.
#pragma once
#include "coefficients.h"

namespace bn {
namespace BN_ISA {
namespace {

struct NoActivation {
  /** Whether g depends on z. */
  static constexpr bool GATES = false;
  template <class V>
  BN_INLINE V y(V z) const {
    return z;
  }
  template <class V>
  BN_INLINE V g(V dy, V) const {
    return dy;
  }
};

struct Relu {
  static constexpr bool GATES = true;
  template <class V>
  BN_INLINE V y(V z) const {
    return gate(z, z);
  }
  template <class V>
  BN_INLINE V g(V dy, V z) const {
    return gate(dy, z);
  }
};

/** Every other one. NaN compares with nothing, so it passes through all choices, and as a bound it is none. */
template <class T>
struct ThreeLines {
  static constexpr bool GATES = true;
  T slope, low, high;

  template <class V>
  BN_INLINE V y(V z) const {
    const V u = bend(z, z), lowest = splat<V>(low), highest = splat<V>(high);
    return choose(atMost(u, lowest), lowest, choose(atMost(highest, u), highest, u));
  }
  template <class V>
  BN_INLINE V g(V dy, V z) const {
    const V u = bend(z, z), stopped = splat<V>(0);
    const V g = choose(atMost(u, u), bend(dy, z), u);
    return choose(atMost(u, splat<V>(low)), stopped, choose(atMost(splat<V>(high), u), stopped, g));
  }

 private:
  template <class V>
  static V splat(T v) {
    return Traits<V>::splat(v);
  }
  /** slope·v where z ≤ 0, v elsewhere. */
  template <class V>
  BN_INLINE V bend(V v, V z) const {
    return choose(atMost(z, splat<V>(0)), mul(v, splat<V>(slope)), v);
  }
};

template <Residual VALUE>
struct ResidualIs {
  static constexpr Residual value = VALUE;
};

/** What an activation sees of a residual, where nothing else does. */
template <class ACTIVATION>
constexpr Residual seenBy(Residual residual) {
  return ACTIVATION::GATES ? residual : Residual::NO;
}

/** Calls body(activation, RESIDUAL) with one of these and what is known of a residual. */
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
