// Overrides the linear entries that this instruction set does better than the one before it.
#include "../../kernels.h"

namespace fak {

void register_linear_avx2(KernelTable&) {}

}  // namespace fak
