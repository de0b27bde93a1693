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
  static F load(const Float16* p);
  static F load(const Bfloat16* p);
  static F splat(float x) { return {vdupq_n_f32(x)}; }
};
struct H {
  static constexpr size_t LENGTH = 2;
  float32x2_t v;
  static H load(const float* p) { return {vld1_f32(p)}; }
  static H load(const Float16* p);
  static H load(const Bfloat16* p);
  static H splat(float x) { return {vdup_n_f32(x)}; }
};
struct D {
  static constexpr size_t LENGTH = 2;
  float64x2_t v;
  static D load(const double* p) { return {vld1q_f64(p)}; }
  static D splat(double x) { return {vdupq_n_f64(x)}; }
};

inline uint16x4_t loadPair(const void* p) {
  uint32_t pair;
  std::memcpy(&pair, p, sizeof pair);
  return vreinterpret_u16_u32(vdup_n_u32(pair));
}
inline uint16x4_t loadFour(const void* p) {
  uint64_t four;
  std::memcpy(&four, p, sizeof four);
  return vcreate_u16(four);
}
/** The floats of four numbers of 16 bits. */
inline float32x4_t wide(const Float16*, uint16x4_t halves) { return vcvt_f32_f16(vreinterpret_f16_u16(halves)); }
inline float32x4_t wide(const Bfloat16*, uint16x4_t halves) { return vreinterpretq_f32_u32(vshll_n_u16(halves, 16)); }
inline F F::load(const Float16* p) { return {wide(p, loadFour(p))}; }
inline H H::load(const Float16* p) { return {vget_low_f32(wide(p, loadPair(p)))}; }
inline F F::load(const Bfloat16* p) { return {wide(p, loadFour(p))}; }
inline H H::load(const Bfloat16* p) { return {vget_low_f32(wide(p, loadPair(p)))}; }

/** The nearest numbers of 16 bits. bfloat16: NaN keeps its upper half as it is. */
inline uint16x4_t nearest(const Float16*, float32x4_t a) { return vreinterpret_u16_f16(vcvt_f16_f32(a)); }
inline uint16x4_t nearest(const Bfloat16*, float32x4_t a) {
  const uint32x4_t bits = vreinterpretq_u32_f32(a), odd = vandq_u32(vshrq_n_u32(bits, 16), vdupq_n_u32(1));
  return vshrn_n_u32(vaddq_u32(vaddq_u32(bits, vdupq_n_u32(0x7fff)), odd), 16);
}
/** Quiet NaN with nothing in the lower half, and all else as it is. */
inline F quiet(F a) {
  const uint32x4_t bits = vreinterpretq_u32_f32(a.v), upper = vandq_u32(bits, vdupq_n_u32(0xffff0000));
  return {vreinterpretq_f32_u32(vbslq_u32(vceqq_f32(a.v, a.v), bits, vorrq_u32(upper, vdupq_n_u32(0x400000))))};
}
template <class T>
inline void storeHalf(T* p, F a) {
  const uint64_t four = vget_lane_u64(vreinterpret_u64_u16(nearest(p, a.v)), 0);
  std::memcpy(p, &four, sizeof four);
}
template <class T>
inline void storeHalf(T* p, H a) {
  const uint32_t pair = vget_lane_u32(vreinterpret_u32_u16(nearest(p, vcombine_f32(a.v, a.v))), 0);
  std::memcpy(p, &pair, sizeof pair);
}
template <class T>
inline void streamHalf(T* p, F a) {
  storeHalf(p, a);
}

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
inline H lowerHalf(F a) { return {vget_low_f32(a.v)}; }
inline H upperHalf(F a) { return {vget_high_f32(a.v)}; }
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
inline F relu(F z) { return {vreinterpretq_f32_u32(vbicq_u32(vreinterpretq_u32_f32(z.v), vclezq_f32(z.v)))}; }
inline H relu(H z) { return {vreinterpret_f32_u32(vbic_u32(vreinterpret_u32_f32(z.v), vclez_f32(z.v)))}; }
inline D relu(D z) { return {vreinterpretq_f64_u64(vbicq_u64(vreinterpretq_u64_f64(z.v), vclezq_f64(z.v)))}; }

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
