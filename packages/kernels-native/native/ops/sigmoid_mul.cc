// sigmoidMul: y = x * sigmoid(gate).
#include "ops/elementwise.h"

namespace fak {

void make_sigmoid_mul(OpBuilder& b) {
  b.planned().main = std::make_unique<Elementwise>(b, b.kernels.floats.sigmoid_mul, 500);
}

}  // namespace fak
