// The instruction sets in this build that this machine runs.
#pragma once
#include <vector>

#include "kernels.h"

namespace bn {

/** Best first. */
const std::vector<const Kernels*>& runnable();

/** The kernels named `isa`, or null where they are not in this build or do not run here. */
const Kernels* find(const char* isa);

}  // namespace bn
