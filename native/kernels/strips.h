// Tensors of 16 bits go one of two ways, with the same bits. The loops that most calls run are compiled for float16 and
// bfloat16, and convert elements as they go. All others are compiled for floats alone: strip by strip, what is read is
// widened into the first cache, the loop for floats does its work there, and what it writes is rounded from there.
//
// A term or a map of Half, which goes by strips, has
//   format            the type that its elements have
//   widened(strips)   the same on floats: strips.input(tensor) in the place of each tensor that is read, and
//                     strips.output(tensor) of each that is written; parameters stay as they are
#pragma once
#include "stream.h"

namespace bn {
namespace BN_ISA {
namespace {

/** The types that a Half may have. NONE: elements have a type of their own. */
enum class Format { NONE, FLOAT16, BFLOAT16 };
template <class T>
constexpr Format FORMAT = Format::NONE;
template <>
constexpr Format FORMAT<Float16> = Format::FLOAT16;
template <>
constexpr Format FORMAT<Bfloat16> = Format::BFLOAT16;

/** T, or Half where the two types of 16 bits share code. */
template <class T, bool OWN = FORMAT<T> == Format::NONE>
struct StoredAs {
  using Type = T;
};
template <class T>
struct StoredAs<T, false> {
  using Type = Half;
};
template <class T>
using Stored = typename StoredAs<T>::Type;

/** Whether loops may convert elements T as they go. SSE2 takes too long for float16 to do it more than once. */
template <class T>
#if defined(BN_AVX512) || defined(BN_AVX2) || defined(BN_NEON)
constexpr bool CONVERTS_FAST = true;
#else
constexpr bool CONVERTS_FAST = FORMAT<T> == Format::BFLOAT16;
#endif

/** What a loop over elements T is compiled for: T itself, if the loop is one of those that `most` calls run. */
template <class T, bool MOST>
using Element = typename StoredAs<T, FORMAT<T> == Format::NONE || (MOST && CONVERTS_FAST<T>)>::Type;

/** The same elements as another type of the same bits. */
template <class To, class From>
inline const To* as(const From* p) {
  return reinterpret_cast<const To*>(p);
}
template <class To, class From>
inline To* as(From* p) {
  return reinterpret_cast<To*>(p);
}

/** Whether elements T go by strips. */
template <class T>
constexpr bool BY_STRIPS = false;
template <>
constexpr bool BY_STRIPS<Half> = true;

/** Elements that are converted between two looks at the end. */
constexpr size_t CONVERTED_AT_ONCE = 32;

/** Whether so many elements have been converted by one of the functions that only SSE2 has, and only for float16. */
template <size_t COUNT, class T>
BN_INLINE bool widenMany(float*, const T*) {
  return false;
}
template <bool STREAM, size_t COUNT, class T>
BN_INLINE bool roundMany(T*, const float*) {
  return false;
}

/** to ← from, widened; asks for the elements `ahead` of those, too. */
template <class T>
BN_NOINLINE void widenRun(float* to, const T* from, size_t length, size_t ahead) {
  size_t k = 0;
  for (; k + CONVERTED_AT_ONCE <= length; k += CONVERTED_AT_ONCE) {
    prefetch(from + k + ahead);
    if (widenMany<CONVERTED_AT_ONCE>(to + k, from + k)) continue;
    BN_UNROLL
    for (size_t j = k; j < k + CONVERTED_AT_ONCE; j += F::LENGTH) store(to + j, F::load(from + j));
  }
  for (; k + F::LENGTH <= length; k += F::LENGTH) store(to + k, F::load(from + k));
  singly(k, length, [&](size_t at) { to[at] = wideOf(from[at]); });
}

/** to ← from, rounded; past the caches if STREAM, which wants `to` aligned to a cache line. */
template <bool STREAM, class T>
BN_NOINLINE void roundRun(T* to, const float* from, size_t length) {
  size_t k = 0;
  for (; k + CONVERTED_AT_ONCE <= length; k += CONVERTED_AT_ONCE) {
    if (roundMany<STREAM, CONVERTED_AT_ONCE>(to + k, from + k)) continue;
    BN_UNROLL
    for (size_t j = k; j < k + CONVERTED_AT_ONCE; j += F::LENGTH) put<STREAM>(to + j, F::load(from + j));
  }
  for (; k + F::LENGTH <= length; k += F::LENGTH) store(to + k, F::load(from + k));
  singly(k, length, [&](size_t at) { store(to + at, from[at]); });
}

/** Elements of each of TENSORS tensors in a strip: some 16 KB of floats, in the first cache. */
template <size_t TENSORS>
constexpr size_t STRIP_LENGTH = TENSORS > 2 ? 1024 : 2048;

/** The elements of a strip in each tensor: `rows` rows of `width` elements, `stride` from one to the next. */
struct Place {
  size_t position, rows, stride, width, ahead;
};

/** One strip of up to TENSORS tensors. Rows lie one behind the other in it. A call is nothing beside a strip. */
template <size_t TENSORS>
class Strips {
 public:
  Strips(Format format, const Place& place) : format_(format), place_(place) {}

  /** The elements of a tensor as floats; null stays null. */
  BN_NOINLINE const float* input(const Half* tensor) {
    if (tensor == nullptr) return nullptr;
    float* const to = memory_[used_++];
    format_ == Format::FLOAT16 ? widen(to, as<Float16>(tensor)) : widen(to, as<Bfloat16>(tensor));
    return to;
  }
  /** Room for elements that `finish` rounds into a tensor; null stays null. A strip with outputs has one row. */
  float* output(Half* tensor) {
    if (tensor == nullptr) return nullptr;
    outputs_[written_++] = {tensor + place_.position, memory_[used_]};
    return memory_[used_++];
  }
  /** Rounds all outputs; past the caches if `streaming`, where they begin with a cache line. */
  BN_NOINLINE void finish(bool streaming) const {
    for (size_t i = 0; i < written_; ++i) {
      const auto [to, from] = outputs_[i];
      const bool stream = streaming && intoLine(to) == 0;
      format_ == Format::FLOAT16 ? round(as<Float16>(to), from, stream) : round(as<Bfloat16>(to), from, stream);
    }
  }

 private:
  struct Output {
    Half* to;
    const float* from;
  };

  template <class T>
  void widen(float* to, const T* tensor) const {
    const T* from = tensor + place_.position;
    for (size_t row = 0; row < place_.rows; ++row, from += place_.stride, to += place_.width) {
      widenRun(to, from, place_.width, place_.ahead);
    }
  }
  template <class T>
  void round(T* to, const float* from, bool stream) const {
    stream ? roundRun<true>(to, from, place_.width) : roundRun<false>(to, from, place_.width);
  }

  const Format format_;
  const Place place_;
  size_t used_ = 0, written_ = 0;
  Output outputs_[2];
  /** A line more than the elements: tensors that lie pages apart would wait for each other. */
  alignas(64) float memory_[TENSORS][STRIP_LENGTH<TENSORS> + LINE_BYTES / sizeof(float)];
};

}  // namespace
}  // namespace BN_ISA
}  // namespace bn
