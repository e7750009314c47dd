// siluMul: y = silu(gate) * up.
#include "ops/elementwise.h"

namespace fak {

void make_silu_mul(OpBuilder& b) { b.planned().main = std::make_unique<Elementwise>(b, b.kernels.floats.silu_mul, 500); }

}  // namespace fak
