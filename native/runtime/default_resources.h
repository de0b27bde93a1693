// The resources that calls have where load() is given none.
#pragma once
#include "../kernels.h"
#include "caches.h"
#include "pool.h"

namespace bn {

/** The resources by default: one thread, and sizes by the caches of this machine. docs/performance.md measures them. */
inline Resources resourcesOf(const Caches& caches, bool ifma) {
  return {1, 256 * 1024, 2 * caches.own, caches.last / 2, caches.last * 2 / 3, pool::run, ifma};
}

}  // namespace bn
