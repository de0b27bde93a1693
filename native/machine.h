// What this machine's caches hold.
#pragma once
#include <cstddef>

namespace bn {

/** Data caches in bytes: of one core, and the last one, which cores share. */
struct Caches {
  size_t own, last;
};

/** Asked of the system once. */
const Caches& caches();

}  // namespace bn
