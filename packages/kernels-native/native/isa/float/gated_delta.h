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

/// Adjacent rows that go through a pass together, in a step of several tokens and of one: as many as keep everything in registers (measured).
#if FAK_VEC == FAK_VEC_AVX512
constexpr int kDeltaRows = 4, kDeltaRowsAlone = 4;
#else
constexpr int kDeltaRows = 1, kDeltaRowsAlone = 2;
#endif

template <int n>
FAK_INLINE void reduce_rows(const F32x16 sums[n], float out[n]) {
  if constexpr (n == 4) {
    reduce_add4(sums[0], sums[1], sums[2], sums[3], out);
  } else {
    for (int r = 0; r < n; r++) out[r] = reduce_add(sums[r]);
  }
}

/// What a state row holds between the passes below is the row decayed for the next token. One pass over some adjacent rows, Dk a multiple
/// of 16, ends a token (write with `delta`, read with q) and begins the next (decay, read with its key): the row is loaded and stored once,
/// k, q and the next k are shared by the rows, and the rows' latencies overlap. Four products for each load and store of a vector: bound by
/// the multipliers (AMD Zen 4: one vector of 16 a cycle, 32 cycles for a row of 128; a load takes one cycle, a store two).
template <bool first, bool last>
FAK_INLINE void delta_pass(float* rows, int64_t Dk, const float* k, const float* q, const float delta[kDeltaRows], float next_decay,
                           const float* next_k, float y[kDeltaRows], float next_read[kDeltaRows]) {
  const F32x16 keep = set1(next_decay);
  F32x16 change[kDeltaRows], out[kDeltaRows], read[kDeltaRows];
  for (int r = 0; r < kDeltaRows; r++) {
    change[r] = first ? zero() : set1(delta[r]);
    out[r] = read[r] = zero();
  }
  for (int64_t i = 0; i < Dk; i += 16) {
    const F32x16 key = first ? zero() : load(k + i), query = first ? zero() : load(q + i);
    const F32x16 next_key = last ? zero() : load(next_k + i);
    for (int r = 0; r < kDeltaRows; r++) {
      float* at = rows + r * Dk + i;
      F32x16 row = load(at);
      if constexpr (!first) {
        row = fma(change[r], key, row);
        out[r] = fma(row, query, out[r]);
      }
      if constexpr (!last) {
        row = mul(row, keep);
        read[r] = fma(row, next_key, read[r]);
      }
      store(at, row);
    }
  }
  if constexpr (!first) reduce_rows<kDeltaRows>(out, y);
  if constexpr (!last) reduce_rows<kDeltaRows>(read, next_read);
}

/// kDeltaRowsAlone adjacent rows through one token that is alone, Dk a multiple of 16. In decoding the state comes from memory, which is the bound.
FAK_INLINE void delta_rows_alone(float* rows, const float* q, const float* k, const float* v, float decay, float beta, int64_t Dk,
                                 float* y) {
  const F32x16 keep = set1(decay);
  F32x16 sums[kDeltaRowsAlone], change[kDeltaRowsAlone];
  for (int r = 0; r < kDeltaRowsAlone; r++) sums[r] = zero();
  for (int64_t i = 0; i < Dk; i += 16) {
    const F32x16 key = load(k + i);
    for (int r = 0; r < kDeltaRowsAlone; r++) sums[r] = fma(mul(load(rows + r * Dk + i), keep), key, sums[r]);
  }
  float read[kDeltaRowsAlone];
  reduce_rows<kDeltaRowsAlone>(sums, read);
  for (int r = 0; r < kDeltaRowsAlone; r++) {
    change[r] = set1(beta * (v[r] - read[r]));
    sums[r] = zero();
  }
  for (int64_t i = 0; i < Dk; i += 16) {
    const F32x16 key = load(k + i), query = load(q + i);
    for (int r = 0; r < kDeltaRowsAlone; r++) {
      float* at = rows + r * Dk + i;
      // Decaying once more costs less than having stored it.
      const F32x16 written = fma(change[r], key, mul(load(at), keep));
      store(at, written);
      sums[r] = fma(written, query, sums[r]);
    }
  }
  reduce_rows<kDeltaRowsAlone>(sums, y);
}

/// Rows of a batch: two groups at least, so that one group's sums are reduced while another's vectors are multiplied; few enough for L1.
constexpr int64_t kDeltaBatch = 32;

static void gated_delta_f32(const DeltaArgs& a) {
  const auto token = [](const float* p, size_t stride, int64_t t) { return p + static_cast<size_t>(t) * stride; };
  const int64_t group = a.tokens == 1 ? kDeltaRowsAlone : kDeltaRows;
  const int64_t together = a.Dk % 16 == 0 ? a.rows / group * group : 0;
  for (int64_t from = 0; a.tokens > 1 && from < together; from += kDeltaBatch) {
    const int64_t n = together - from < kDeltaBatch ? together - from : kDeltaBatch;
    float* const rows = a.state + from * a.Dk;
    float read[kDeltaBatch];
    for (int64_t j = 0; j < n; j += kDeltaRows)
      delta_pass<true, false>(rows + j * a.Dk, a.Dk, nullptr, nullptr, nullptr, *a.decay, a.k, nullptr, read + j);
    for (int64_t t = 0; t < a.tokens; t++) {
      const float *q = token(a.q, a.qk_stride, t), *k = token(a.k, a.qk_stride, t), *v = token(a.v, a.v_stride, t) + from;
      float* y = a.y + static_cast<size_t>(t) * a.y_stride + from;
      const float beta = *token(a.beta, a.gate_stride, t);
      const bool last = t + 1 == a.tokens;
      const float next_decay = last ? 0.0f : *token(a.decay, a.gate_stride, t + 1);
      for (int64_t j = 0; j < n; j += kDeltaRows) {
        float delta[kDeltaRows];
        for (int r = 0; r < kDeltaRows; r++) delta[r] = beta * (v[j + r] - read[j + r]);
        if (last) {
          delta_pass<false, true>(rows + j * a.Dk, a.Dk, k, q, delta, next_decay, nullptr, y + j, nullptr);
        } else {
          delta_pass<false, false>(rows + j * a.Dk, a.Dk, k, q, delta, next_decay, k + a.qk_stride, y + j, read + j);
        }
      }
    }
  }
  for (int64_t t = 0; t < a.tokens; t++) {
    const float *q = token(a.q, a.qk_stride, t), *k = token(a.k, a.qk_stride, t), *v = token(a.v, a.v_stride, t);
    float* y = a.y + static_cast<size_t>(t) * a.y_stride;
    const float decay = *token(a.decay, a.gate_stride, t), beta = *token(a.beta, a.gate_stride, t);
    for (int64_t j = 0; a.tokens == 1 && j < together; j += group)
      delta_rows_alone(a.state + j * a.Dk, q, k, v + j, decay, beta, a.Dk, y + j);
    for (int64_t j = together; j < a.rows; j++) y[j] = delta_row(a.state + j * a.Dk, q, k, v[j], decay, beta, a.Dk);
  }
}

}  // namespace FAK_ISA
}  // namespace fak
