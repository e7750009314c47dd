// add: y = a + b.
#include "ops/elementwise.h"

namespace fak {

void make_add(OpBuilder& b) { b.planned().main = std::make_unique<Elementwise>(b, b.kernels.floats.add, 80); }

}  // namespace fak
