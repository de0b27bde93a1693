// Takes the place of the compiler's header: AVX-512 in portable C, by SIMDe, so that native/kernels/vec/avx512.h runs
// on any processor.
#pragma once
#define SIMDE_NO_NATIVE
#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/x86/avx512.h>
#include <simde/x86/fma.h>

/** The functions that SIMDe 0.7 lacks. */
using __mmask8 = simde__mmask8;
using __mmask16 = simde__mmask16;
inline __m512d _mm512_cvtps_pd(__m256 narrow) {
  float in[8];
  double out[8];
  _mm256_storeu_ps(in, narrow);
  for (int j = 0; j < 8; ++j) out[j] = in[j];
  return _mm512_loadu_pd(out);
}
inline void _mm512_stream_ps(float* to, __m512 v) { _mm512_store_ps(to, v); }
inline void _mm512_stream_pd(double* to, __m512d v) { _mm512_store_pd(to, v); }
