// The sizes of the caches of this machine.
#pragma once
#include <cstddef>

namespace bn {

/** Bytes of data caches: the share of a core in the second level, and the last level, which cores share. */
struct Caches {
  size_t own, last;
};

/** Asks the system, which may mean reading files. */
Caches cachesOfMachine();

}  // namespace bn
