// The kernels `widen` and `round`: between 16 bits and float32.
#include "kernels_isa.h"
#include "walk.h"

namespace bn {
namespace BN_ISA {
namespace {

/** Elements that one thread converts at a time. */
constexpr size_t PIECE = 65536;

/** to ← from: as strips are widened and rounded. */
template <class T>
void convertPiece(float* to, const T* from, size_t length) {
  widenRun(to, from, length, 0);
}
void convertPiece(Float16* to, const float* from, size_t length) { roundRun<false>(to, from, length); }
/** bfloat16: NaN of any bits becomes what arithmetic on numbers of 16 bits has. */
BN_NOINLINE void convertPiece(Bfloat16* to, const float* from, size_t length) {
  size_t k = 0;
  BN_UNROLL
  for (; k + F::LENGTH <= length; k += F::LENGTH) store(to + k, quiet(F::load(from + k)));
  singly(k, length, [&](size_t at) { store(to + at, quiet(from[at])); });
}

template <class To, class From>
void convert(To* to, const From* from, const Call& call) {
  const size_t length = call.view.n * call.view.c * call.view.s;
  const size_t threads = threadsFor(length * (sizeof(To) + sizeof(From)), call.resources);
  parallel(call.resources, threads, divideUp(length, PIECE), [&](size_t part) {
    convertPiece(to + part * PIECE, from + part * PIECE, minOf(PIECE, length - part * PIECE));
  });
}

}  // namespace

/** contract: src/kernels.ts, widen */
template <class T>
void widenTensor(float* to, const T* from, const Call& call) {
  convert(to, from, call);
}

/** contract: src/kernels.ts, round */
template <class T>
void roundTensor(T* to, const float* from, const Call& call) {
  convert(to, from, call);
}

template void widenTensor(float*, const Float16*, const Call&);
template void widenTensor(float*, const Bfloat16*, const Call&);
template void roundTensor(Float16*, const float*, const Call&);
template void roundTensor(Bfloat16*, const float*, const Call&);

}  // namespace BN_ISA
}  // namespace bn
