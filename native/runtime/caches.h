// What this machine's caches hold.
#pragma once
#include <cstddef>

namespace bn {

/** Data caches in bytes: of one core, and the last one, which cores share. */
struct Caches {
  size_t own, last;
};

/** Asks the system; it may have to read files. */
Caches cachesOfMachine();

}  // namespace bn
