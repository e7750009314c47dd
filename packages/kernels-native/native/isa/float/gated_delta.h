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
  for (int64_t i = 0; i < Dk; i += 16) {
    const int64_t n = Dk - i < 16 ? Dk - i : 16;
    read = fma(mul(load_first(row + i, n), keep), load_first(k + i, n), read);
  }
  const F32x16 delta = set1(beta * (v - reduce_add(read)));
  F32x16 out = zero();
  for (int64_t i = 0; i < Dk; i += 16) {
    const int64_t n = Dk - i < 16 ? Dk - i : 16;
    // Decaying once more costs less than having stored it.
    const F32x16 written = fma(delta, load_first(k + i, n), mul(load_first(row + i, n), keep));
    store_first(row + i, written, n);
    out = fma(written, load_first(q + i, n), out);
  }
  return reduce_add(out);
}

/// Four adjacent rows at once, Dk a multiple of 16: the same values, but the rows' latencies overlap and they share k and q.
FAK_INLINE void delta_rows4(float* rows, const float* q, const float* k, const float* v, float decay, float beta, int64_t Dk,
                            float* y) {
  float *row0 = rows, *row1 = rows + Dk, *row2 = rows + 2 * Dk, *row3 = rows + 3 * Dk;
  const F32x16 keep = set1(decay);
  F32x16 s0 = zero(), s1 = zero(), s2 = zero(), s3 = zero();
  for (int64_t i = 0; i < Dk; i += 16) {
    const F32x16 key = load(k + i);
    s0 = fma(mul(load(row0 + i), keep), key, s0);
    s1 = fma(mul(load(row1 + i), keep), key, s1);
    s2 = fma(mul(load(row2 + i), keep), key, s2);
    s3 = fma(mul(load(row3 + i), keep), key, s3);
  }
  float read[4];
  reduce_add4(s0, s1, s2, s3, read);
  const F32x16 d0 = set1(beta * (v[0] - read[0])), d1 = set1(beta * (v[1] - read[1]));
  const F32x16 d2 = set1(beta * (v[2] - read[2])), d3 = set1(beta * (v[3] - read[3]));
  s0 = s1 = s2 = s3 = zero();
  for (int64_t i = 0; i < Dk; i += 16) {
    const F32x16 key = load(k + i), query = load(q + i);
    const F32x16 r0 = fma(d0, key, mul(load(row0 + i), keep)), r1 = fma(d1, key, mul(load(row1 + i), keep));
    const F32x16 r2 = fma(d2, key, mul(load(row2 + i), keep)), r3 = fma(d3, key, mul(load(row3 + i), keep));
    store(row0 + i, r0);
    store(row1 + i, r1);
    store(row2 + i, r2);
    store(row3 + i, r3);
    s0 = fma(r0, query, s0);
    s1 = fma(r1, query, s1);
    s2 = fma(r2, query, s2);
    s3 = fma(r3, query, s3);
  }
  reduce_add4(s0, s1, s2, s3, y);
}

static void gated_delta_f32(const DeltaArgs& a) {
  const int64_t quads = a.Dk % 16 == 0 ? a.rows / 4 * 4 : 0;
  for (int64_t t = 0; t < a.tokens; t++) {
    const float* q = a.q + static_cast<size_t>(t) * a.qk_stride;
    const float* k = a.k + static_cast<size_t>(t) * a.qk_stride;
    const float* v = a.v + static_cast<size_t>(t) * a.v_stride;
    float* y = a.y + static_cast<size_t>(t) * a.y_stride;
    const float decay = a.decay[static_cast<size_t>(t) * a.gate_stride];
    const float beta = a.beta[static_cast<size_t>(t) * a.gate_stride];
    for (int64_t j = 0; j < quads; j += 4) delta_rows4(a.state + j * a.Dk, q, k, v + j, decay, beta, a.Dk, y + j);
    for (int64_t j = quads; j < a.rows; j++) y[j] = delta_row(a.state + j * a.Dk, q, k, v[j], decay, beta, a.Dk);
  }
}

}  // namespace FAK_ISA
}  // namespace fak
