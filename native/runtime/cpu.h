// Which instruction sets this processor and operating system run.
#pragma once

namespace bn {

struct Cpu {
  bool avx2;    // with FMA, and the system saves the upper halves of the registers
  bool avx512;  // F and VL, and the system saves the opmask and the wide registers
};

/** Asks the processor. */
Cpu cpu();

}  // namespace bn
