// gatedDelta: the gates of a token, and the serial recurrence of a slice of state rows through all tokens of a step.
#pragma once

namespace fak {
namespace FAK_ISA {

static void delta_gates_f32(const float* a, const float* b, const float* A, const float* dt_bias, float* decay, float* beta,
                            int64_t n) {
  for (int64_t i = 0; i < n; i += 16) {
    const int64_t m = n - i < 16 ? n - i : 16;
    const F32x16 dt = softplus(add(load_first(a + i, m), load_first(dt_bias + i, m)));
    store_first(decay + i, exponential(mul(load_first(A + i, m), dt)), m);
    store_first(beta + i, sigmoid(load_first(b + i, m)), m);
  }
}

/// One state row through one token: decay, read with the decayed row, write, read again.
FAK_INLINE float delta_row(float* row, const float* q, const float* k, float v, float decay, float beta, int64_t Dk) {
  const F32x16 keep = set1(decay);
  F32x16 read = zero();
  int64_t i = 0;
  for (; i + 16 <= Dk; i += 16) {
    const F32x16 decayed = mul(load(row + i), keep);
    store(row + i, decayed);
    read = fma(decayed, load(k + i), read);
  }
  if (i < Dk) {
    const F32x16 decayed = mul(load_first(row + i, Dk - i), keep);
    store_first(row + i, decayed, Dk - i);
    read = fma(decayed, load_first(k + i, Dk - i), read);
  }
  const F32x16 delta = set1(beta * (v - reduce_add(read)));
  F32x16 out = zero();
  for (i = 0; i + 16 <= Dk; i += 16) {
    const F32x16 written = fma(delta, load(k + i), load(row + i));
    store(row + i, written);
    out = fma(written, load(q + i), out);
  }
  if (i < Dk) {
    const F32x16 written = fma(delta, load_first(k + i, Dk - i), load_first(row + i, Dk - i));
    store_first(row + i, written, Dk - i);
    out = fma(written, load_first(q + i, Dk - i), out);
  }
  return reduce_add(out);
}

static void gated_delta_f32(const DeltaArgs& a) {
  for (int64_t t = 0; t < a.tokens; t++) {
    const float* q = a.q + static_cast<size_t>(t) * a.qk_stride;
    const float* k = a.k + static_cast<size_t>(t) * a.qk_stride;
    const float* v = a.v + static_cast<size_t>(t) * a.v_stride;
    float* y = a.y + static_cast<size_t>(t) * a.y_stride;
    const float decay = a.decay[static_cast<size_t>(t) * a.gate_stride];
    const float beta = a.beta[static_cast<size_t>(t) * a.gate_stride];
    for (int64_t j = 0; j < a.rows; j++) y[j] = delta_row(a.state + j * a.Dk, q, k, v[j], decay, beta, a.Dk);
  }
}

}  // namespace FAK_ISA
}  // namespace fak
