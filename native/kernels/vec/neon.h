// NEON of AArch64, which every 64-bit ARM processor has: 4 floats, 2 doubles.
#pragma once
#include <arm_neon.h>

namespace bn {
namespace BN_ISA {
namespace {

struct F {
  static constexpr size_t LENGTH = 4;
  float32x4_t v;
  static F load(const float* p) { return {vld1q_f32(p)}; }
  static F splat(float x) { return {vdupq_n_f32(x)}; }
};
struct H {
  static constexpr size_t LENGTH = 2;
  float32x2_t v;
  static H load(const float* p) { return {vld1_f32(p)}; }
  static H splat(float x) { return {vdup_n_f32(x)}; }
};
struct D {
  static constexpr size_t LENGTH = 2;
  float64x2_t v;
  static D load(const double* p) { return {vld1q_f64(p)}; }
  static D splat(double x) { return {vdupq_n_f64(x)}; }
};

inline void store(float* p, F a) { vst1q_f32(p, a.v); }
inline void store(float* p, H a) { vst1_f32(p, a.v); }
inline void store(double* p, D a) { vst1q_f64(p, a.v); }
/** Arm has no such store by itself; whole lines written in order are seen as a stream by the hardware. */
inline void stream(float* p, F a) { store(p, a); }
inline void stream(double* p, D a) { store(p, a); }
inline void drain() {}
inline F add(F a, F b) { return {vaddq_f32(a.v, b.v)}; }
inline H add(H a, H b) { return {vadd_f32(a.v, b.v)}; }
inline D add(D a, D b) { return {vaddq_f64(a.v, b.v)}; }
inline F sub(F a, F b) { return {vsubq_f32(a.v, b.v)}; }
inline H sub(H a, H b) { return {vsub_f32(a.v, b.v)}; }
inline D sub(D a, D b) { return {vsubq_f64(a.v, b.v)}; }
inline F mul(F a, F b) { return {vmulq_f32(a.v, b.v)}; }
inline H mul(H a, H b) { return {vmul_f32(a.v, b.v)}; }
inline D mul(D a, D b) { return {vmulq_f64(a.v, b.v)}; }
inline D widen(H a) { return {vcvt_f64_f32(a.v)}; }
inline D addExactProduct(D sum, D a, D b) { return {vfmaq_f64(sum.v, a.v, b.v)}; }

/** a where z > 0, z where z is NaN (that is, not equal to itself), +0 elsewhere. */
inline F gate(F a, F z) {
  const uint32x4_t positive = vandq_u32(vcgtzq_f32(z.v), vreinterpretq_u32_f32(a.v));
  return {vreinterpretq_f32_u32(vorrq_u32(positive, vbicq_u32(vreinterpretq_u32_f32(z.v), vceqq_f32(z.v, z.v))))};
}
inline H gate(H a, H z) {
  const uint32x2_t positive = vand_u32(vcgtz_f32(z.v), vreinterpret_u32_f32(a.v));
  return {vreinterpret_f32_u32(vorr_u32(positive, vbic_u32(vreinterpret_u32_f32(z.v), vceq_f32(z.v, z.v))))};
}
inline D gate(D a, D z) {
  const uint64x2_t positive = vandq_u64(vcgtzq_f64(z.v), vreinterpretq_u64_f64(a.v));
  return {vreinterpretq_f64_u64(vorrq_u64(positive, vbicq_u64(vreinterpretq_u64_f64(z.v), vceqq_f64(z.v, z.v))))};
}

/** atMost is true where a ≤ b; choose is a where that is so, and b elsewhere. */
inline uint32x4_t atMost(F a, F b) { return vcleq_f32(a.v, b.v); }
inline uint32x2_t atMost(H a, H b) { return vcle_f32(a.v, b.v); }
inline uint64x2_t atMost(D a, D b) { return vcleq_f64(a.v, b.v); }
inline F choose(uint32x4_t where, F a, F b) { return {vbslq_f32(where, a.v, b.v)}; }
inline H choose(uint32x2_t where, H a, H b) { return {vbsl_f32(where, a.v, b.v)}; }
inline D choose(uint64x2_t where, D a, D b) { return {vbslq_f64(where, a.v, b.v)}; }

}  // namespace
}  // namespace BN_ISA
}  // namespace bn
