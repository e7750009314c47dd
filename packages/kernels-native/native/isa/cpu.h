// Which instruction set to use: decided here and nowhere else, once, at load.
#pragma once

#include "kernels.h"

namespace fak {

/// Slowest first among those of one kind of processor. Every build knows all of them, so that one it lacks is not taken for a typing error.
enum Isa : int { kScalar, kAvx2, kAvxVnni, kAvx512, kNeon, kI8mm, kIsaCount };

/// The names of FAK_ISA.
constexpr const char* kIsaNames[kIsaCount] = {"scalar", "avx2", "avxvnni", "avx512", "neon", "i8mm"};

/// Whether this build has kernels for the instruction set and this machine runs them.
bool isa_present(int isa);

/// The fastest present.
int best_isa();

/// The kernels of a present instruction set. Made on first use, never freed.
const KernelTable& kernel_table(int isa);

}  // namespace fak
