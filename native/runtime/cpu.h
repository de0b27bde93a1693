// The instruction sets that this processor and this operating system run.
#pragma once

namespace bn {

struct Cpu {
  bool avx2;    // with FMA and F16C, and the system saves the upper halves of the registers
  bool avx512;  // F, VL and BW, and the system saves the opmask and the wide registers
  bool ifma;    // the same with multiply-add of 52-bit integers
};

/** Asks the processor what it runs, and which registers the operating system saves. */
Cpu cpu();

}  // namespace bn
