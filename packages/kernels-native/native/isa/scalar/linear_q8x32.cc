// Linear leaves for the types with blocks of 32 (Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, IQ4_NL, MXFP4): the plain definition.
//   per block, in order:  acc = fma(d * dx, dot, acc);  with a minimum also  acc = fma(m * dx, sum, acc)
// dot = sum of q * xq, exact: at most 32 * 128 * 127 < 2^19, so float(dot) is exact too. The output element itself is the
// accumulator, so a block is unpacked once for all columns. Bound by the integer multiply-adds.
#include <cmath>

#include "../../quant/activation.h"
#include "../../quant/unpack.h"
#include "linear_scalar.h"

namespace fak {
namespace scalar {
namespace {

template <class Block, bool kMinimum>
void linear(const LinearArgs& a) {
  Unpacked32 u;
  for (int64_t n = 0; n < a.rows; n++) {
    const Block* blocks = reinterpret_cast<const Block*>(a.weight + n * a.weight_stride);
    for (int64_t m = 0; m < a.columns; m++) a.y[m * a.y_stride + n] = 0.0f;
    for (int64_t b = 0; b < a.k / 32; b++) {
      unpack(blocks[b], u);
      for (int64_t m = 0; m < a.columns; m++) {
        const RowQ8x32 x = row_q8x32(a.x + m * a.x_stride, a.k);
        const int8_t* xq = x.quants + 32 * b;
        int32_t dot = 0;
        for (int i = 0; i < 32; i++) dot += u.q[i] * xq[i];
        float& acc = a.y[m * a.y_stride + n];
        acc = fmaf(u.d * x.scales[b], static_cast<float>(dot), acc);
        if (kMinimum) acc = fmaf(u.m * x.scales[b], static_cast<float>(x.sums[b]), acc);
      }
    }
    for (int64_t m = 0; m < a.columns; m++) a.y[m * a.y_stride + n] = canonical(a.y[m * a.y_stride + n]);
  }
}

}  // namespace

void linear_q4_0(const LinearArgs& args) { linear<BlockQ4_0, false>(args); }
void linear_q4_1(const LinearArgs& args) { linear<BlockQ4_1, true>(args); }
void linear_q5_0(const LinearArgs& args) { linear<BlockQ5_0, false>(args); }
void linear_q5_1(const LinearArgs& args) { linear<BlockQ5_1, true>(args); }
void linear_q8_0(const LinearArgs& args) { linear<BlockQ8_0, false>(args); }
void linear_iq4_nl(const LinearArgs& args) { linear<BlockIQ4_NL, false>(args); }
void linear_mxfp4(const LinearArgs& args) { linear<BlockMXFP4, false>(args); }

}  // namespace scalar
}  // namespace fak
