// Mean and variance per channel: docs/numerics.md, section 3.
#include "reduce.h"
#include "rooms.h"

namespace bn {
namespace BN_ISA {
namespace {

/** Beyond mean² = 2²⁰·variance, Σx² − m·mean² has lost too many bits: such channels take a second, centred pass. */
constexpr double CENTRED_ABOVE = 1048576.0;

/** Σ x and Σ x². The squares are exact for float32: products of two 24-bit significands fit float64. */
template <class T>
struct Sums {
  using Element = T;
  template <class V>
  struct Parameters {};
  const T* x;

  template <class V>
  Parameters<V> parameters(size_t, bool) const {
    return {};
  }
  template <class V, class Sum>
  void add(Sum& first, Sum& second, size_t k, const Parameters<V>&) const {
    const Sum v = widen(Traits<V>::load(x + k));
    first = BN_ISA::add(first, v);
    second = addProduct(second, v, v, T());
  }
};

/** Σ (x − mean) and Σ (x − mean)², never fused: these products are not exact. */
template <class T>
struct CentredSums {
  using Element = T;
  template <class V>
  struct Parameters {
    typename Traits<V>::Sum mean;
  };
  const T* x;
  const double* mean;

  template <class V>
  Parameters<V> parameters(size_t at, bool spread) const {
    using Sum = Traits<typename Traits<V>::Sum>;
    return {spread ? Sum::load(mean + at) : Sum::splat(mean[at])};
  }
  template <class V, class Sum>
  void add(Sum& first, Sum& second, size_t k, const Parameters<V>& p) const {
    const Sum d = sub(widen(Traits<V>::load(x + k)), p.mean);
    first = BN_ISA::add(first, d);
    second = BN_ISA::add(second, mul(d, d));
  }
};

/** float64 data always takes the centred pass: its squares are not exact. */
inline bool needsCentring(double mean, double variance, float) { return mean * mean > CENTRED_ABOVE * variance; }
inline bool needsCentring(double, double, double) { return true; }

/** A variance that rounding made negative is 0; NaN stays. */
inline double clamp(double variance) { return variance < 0 ? 0 : variance; }

/** mean += e, variance = q − e², where e and q are the means of x − mean and of its square. An infinite mean stays. */
inline void centre(double& mean, double& variance, double e, double q) {
  const bool finite = mean - mean == 0;
  variance = finite ? clamp(q - e * e) : __builtin_nan("");
  if (finite) mean += e;
}

}  // namespace

/** contract: src/kernels.ts, statistics */
template <class T>
void statistics(double* mean, double* variance, const T* x, View v, void* memory) {
  const Scratch<T> scratch(memory, v);
  const double* totals = scratch.totals;
  const double m = static_cast<double>(v.n * v.s);

  reduce(scratch.totals, Sums<T>{x}, v, scratch.lanes);
  bool centring = false;
  for (size_t ch = 0; ch < v.c; ++ch) {
    mean[ch] = totals[ch] / m;
    variance[ch] = clamp((totals[v.c + ch] - totals[ch] * mean[ch]) / m);
    centring = centring || needsCentring(mean[ch], variance[ch], T());
  }
  if (!centring) return;

  const bool columns = v.s < COLUMNS_BELOW;
  if (columns) spread(scratch.means, mean, v);
  reduce(scratch.totals, CentredSums<T>{x, columns ? scratch.means : mean}, v, scratch.lanes);
  for (size_t ch = 0; ch < v.c; ++ch) {
    if (needsCentring(mean[ch], variance[ch], T())) {
      centre(mean[ch], variance[ch], totals[ch] / m, totals[v.c + ch] / m);
    }
  }
}

template void statistics(double*, double*, const float*, View, void*);
template void statistics(double*, double*, const double*, View, void*);

}  // namespace BN_ISA
}  // namespace bn
