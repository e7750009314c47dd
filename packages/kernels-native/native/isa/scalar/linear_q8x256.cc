// Linear leaves for the types with super-blocks of 256 (Q2_K to Q6_K, IQ4_XS): the plain definition.
//   total = sum over the sixteen groups of scale * (sum of q * xq)          exact in int32
//   mins  = sum over the sixteen groups of min * (sum of xq)                exact in int32
//   per super-block, in order:  acc = fma(d * dx, total, acc);  with minimums also  acc = fma(-(dmin * dx), mins, acc)
// Bounds: |total| <= 16 * 128 * (16 * 32 * 127) = 133,169,152 (Q6_K; IQ4_XS 132,128,768), |mins| <= 16 * 63 * 2032; both
// far below 2^31, and turned to float with one rounding to nearest even.
// The output element itself is the accumulator, so a super-block is unpacked once for all columns. Bound by the integer
// multiply-adds.
#include <cmath>

#include "../../quant/activation.h"
#include "../../quant/unpack.h"
#include "linear_scalar.h"

namespace fak {
namespace scalar {
namespace {

template <class Block, bool kMinimum>
void linear(const LinearArgs& a) {
  Unpacked256 u;
  for (int64_t n = 0; n < a.rows; n++) {
    const Block* blocks = reinterpret_cast<const Block*>(a.weight + n * a.weight_stride);
    for (int64_t m = 0; m < a.columns; m++) a.y[m * a.y_stride + n] = 0.0f;
    for (int64_t b = 0; b < a.k / 256; b++) {
      unpack(blocks[b], u);
      for (int64_t m = 0; m < a.columns; m++) {
        const RowQ8x256 x = row_q8x256(a.x + m * a.x_stride, a.k);
        int32_t total = 0;
        int32_t mins = 0;
        for (int g = 0; g < 16; g++) {
          const int8_t* xq = x.quants + 256 * b + 16 * g;
          int32_t dot = 0;
          for (int i = 0; i < 16; i++) dot += u.q[16 * g + i] * xq[i];
          total += u.scale[g] * dot;
          mins += u.min[g] * x.sums[16 * b + g];
        }
        float& acc = a.y[m * a.y_stride + n];
        acc = fmaf(u.d * x.scales[b], static_cast<float>(total), acc);
        if (kMinimum) acc = fmaf(-(u.dmin * x.scales[b]), static_cast<float>(mins), acc);
      }
    }
    for (int64_t m = 0; m < a.columns; m++) a.y[m * a.y_stride + n] = canonical(a.y[m * a.y_stride + n]);
  }
}

}  // namespace

void linear_q2_K(const LinearArgs& args) { linear<BlockQ2_K, true>(args); }
void linear_q3_K(const LinearArgs& args) { linear<BlockQ3_K, false>(args); }
void linear_q4_K(const LinearArgs& args) { linear<BlockQ4_K, true>(args); }
void linear_q5_K(const LinearArgs& args) { linear<BlockQ5_K, true>(args); }
void linear_q6_K(const LinearArgs& args) { linear<BlockQ6_K, false>(args); }
void linear_iq4_xs(const LinearArgs& args) { linear<BlockIQ4_XS, false>(args); }

}  // namespace scalar
}  // namespace fak
