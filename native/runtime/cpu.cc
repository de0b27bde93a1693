#include "cpu.h"

#if defined(__x86_64__) || defined(_M_X64)
#if defined(_MSC_VER)
#include <immintrin.h>
#include <intrin.h>
#else
#include <cpuid.h>
#endif
#endif

namespace bn {

#if defined(__x86_64__) || defined(_M_X64)

namespace {

struct Registers {
  unsigned eax, ebx, ecx, edx;
};

Registers cpuid(unsigned leaf) {
  Registers r{};
#if defined(_MSC_VER)
  int out[4];
  __cpuidex(out, static_cast<int>(leaf), 0);
  r = {static_cast<unsigned>(out[0]), static_cast<unsigned>(out[1]), static_cast<unsigned>(out[2]),
       static_cast<unsigned>(out[3])};
#else
  __get_cpuid_count(leaf, 0, &r.eax, &r.ebx, &r.ecx, &r.edx);
#endif
  return r;
}

/** XCR0: which register states the operating system saves. Written as an instruction: _xgetbv wants -mxsave. */
unsigned long long savedStates() {
#if defined(_MSC_VER)
  return _xgetbv(0);
#else
  unsigned low, high;
  __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (static_cast<unsigned long long>(high) << 32) | low;
#endif
}

bool has(unsigned bits, int bit) { return (bits >> bit & 1) != 0; }

}  // namespace

// Bits: Intel SDM volume 2A, CPUID; volume 1, section 13.2 (XCR0).
Cpu cpu() {
  const unsigned OSXSAVE = 27, AVX = 28, FMA = 12, F16C = 29;
  const unsigned AVX2 = 5, AVX512F = 16, AVX512IFMA = 21, AVX512BW = 30, AVX512VL = 31;
  const unsigned long long YMM = 0x6, ZMM = 0xe6;
  Cpu found{};
  if (cpuid(0).eax < 7) return found;
  const unsigned basic = cpuid(1).ecx, extended = cpuid(7).ebx;
  if (!has(basic, OSXSAVE) || !has(basic, AVX)) return found;
  const unsigned long long saved = savedStates();
  found.avx2 = has(basic, FMA) && has(basic, F16C) && has(extended, AVX2) && (saved & YMM) == YMM;
  const bool avx512 = has(extended, AVX512F) && has(extended, AVX512VL) && has(extended, AVX512BW);
  found.avx512 = found.avx2 && avx512 && (saved & ZMM) == ZMM;
  found.ifma = found.avx512 && has(extended, AVX512IFMA);
  return found;
}

#else

Cpu cpu() { return {}; }

#endif

}  // namespace bn
