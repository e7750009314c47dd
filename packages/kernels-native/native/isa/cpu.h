// Which instruction set to use: decided here and nowhere else, once, at load.
#pragma once

#include "kernels.h"

namespace fak {

/// Slowest first; the names are those of FAK_ISA.
constexpr const char* kIsaNames[] = {"scalar", "avx2", "avx512"};
constexpr int kIsaCount = 3;

/// Whether this build has kernels for the instruction set and this machine runs them.
bool isa_present(int isa);

/// The fastest present.
int best_isa();

/// The kernels of a present instruction set. Made on first use, never freed.
const KernelTable& kernel_table(int isa);

}  // namespace fak
