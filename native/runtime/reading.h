// What functions read of their arguments, alike for all kernels.
#pragma once
#include <type_traits>

#include "arguments.h"
#include "instance.h"

namespace bn {

/** The elements of functions for float32 and float64 alike; each type of 16 bits has functions of its own. */
struct FloatOrDouble {};

/** Calls body(arguments, loaded, T()), where T is the element type of the tensors: Elements, or one of both. */
template <class Elements, class Body>
void withArguments(napi_env env, napi_callback_info info, size_t count, const Body& body) {
  constexpr bool EITHER = std::is_same<Elements, FloatOrDouble>::value;
  Arguments arguments(env, info, count, !EITHER);
  if (!arguments.areGood()) return;
  const Loaded& loaded = *static_cast<const Loaded*>(arguments.data());
  if constexpr (EITHER) {
    arguments.isDouble() ? body(arguments, loaded, double()) : body(arguments, loaded, float());
  } else {
    body(arguments, loaded, Elements());
  }
}

/** A call that is lent so many bytes of scratch memory. */
inline Call lend(Arguments& in, const Loaded& loaded, size_t bytes) {
  void* const scratch = loaded.scratch.reserve(bytes);
  if (scratch == nullptr) in.fail(ErrorKind::RANGE, "no memory for %zu bytes", bytes);
  return {in.view(), loaded.resources, scratch};
}

/** The last argument of a kernel. To be called after all others were read, and before asking whether they are good. */
inline Call callOf(Arguments& in, const Loaded& loaded, size_t (*scratchBytes)(View, const Resources&)) {
  if (!in.areGood()) return {in.view(), loaded.resources, nullptr};
  return lend(in, loaded, scratchBytes(in.view(), loaded.resources));
}

template <class T>
Call callOf(Arguments& in, const Loaded& loaded) {
  return callOf(in, loaded, loaded.table(T()).scratchBytes);
}

template <class P>
Affine<P> readAffine(Arguments& in) {
  const double* mean = in.channels<double>();
  const double* variance = in.channels<double>();
  const P* gamma = in.optionalChannels<P>();
  const P* beta = in.optionalChannels<P>();
  return {mean, variance, gamma, beta, in.number()};
}

}  // namespace bn
