// Linear leaves for F32, F16 and BF16 weights: the plain definition of a float dot.
//   lane l (0 to 15) takes elements l, l + 16, ... in order: lane = fma(w, x, lane), the last group zero-padded;
//   then s[i] = lane[i] + lane[i + 8], t[i] = s[i] + s[i + 4], u[i] = t[i] + t[i + 2], result = u[0] + u[1].
// Bound by fmaf, which is a library call where the compiler may not assume FMA.
#include <cmath>

#include "../../quant/half.h"
#include "linear_scalar.h"

namespace fak {
namespace scalar {
namespace {

struct ReadF32 {
  static constexpr int kBytes = 4;
  static float at(const uint8_t* p) { return bits_to_float(load_u32(p)); }
};

struct ReadF16 {
  static constexpr int kBytes = 2;
  static float at(const uint8_t* p) { return f16_to_f32(load_u16(p)); }
};

struct ReadBF16 {
  static constexpr int kBytes = 2;
  static float at(const uint8_t* p) { return bf16_to_f32(load_u16(p)); }
};

template <class Read>
float dot(const uint8_t* w, const float* x, int64_t k) {
  float lane[16] = {};
  for (int64_t i = 0; i < k; i += 16) {
    for (int l = 0; l < 16; l++) {
      const bool inside = i + l < k;
      lane[l] = fmaf(inside ? Read::at(w + (i + l) * Read::kBytes) : 0.0f, inside ? x[i + l] : 0.0f, lane[l]);
    }
  }
  for (int half = 8; half > 0; half /= 2) {
    for (int l = 0; l < half; l++) lane[l] += lane[l + half];
  }
  return canonical(lane[0]);
}

template <class Read>
void linear(const LinearArgs& a) {
  for (int64_t n = 0; n < a.rows; n++) {
    for (int64_t m = 0; m < a.columns; m++) {
      a.y[m * a.y_stride + n] = dot<Read>(a.weight + n * a.weight_stride,
                                          reinterpret_cast<const float*>(a.x + m * a.x_stride), a.k);
    }
  }
}

}  // namespace

void linear_f32(const LinearArgs& args) { linear<ReadF32>(args); }
void linear_f16(const LinearArgs& args) { linear<ReadF16>(args); }
void linear_bf16(const LinearArgs& args) { linear<ReadBF16>(args); }

}  // namespace scalar
}  // namespace fak
