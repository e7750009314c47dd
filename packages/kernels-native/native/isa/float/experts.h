// route, combineExperts and gatedAdd: which experts a row takes, and how what they gave comes together.
#pragma once

namespace fak {
namespace FAK_ISA {

/// y[0, top_k): indices of the largest logits, best first, the lower index first among equals. y[top_k, 2 top_k): the softmax over
/// those. Values that are not finite give some valid indices.
static void route_f32(const float* logits, float* y, int64_t experts, int64_t top_k) {
  float* const index = y;
  float* const value = y + top_k;
  int64_t kept = 0;
  for (int64_t e = 0; e < experts; e++) {
    const float x = logits[e];
    if (kept == top_k && !(x > value[kept - 1])) continue;
    if (kept < top_k) kept++;
    int64_t at = kept - 1;
    for (; at > 0 && x > value[at - 1]; at--) {
      value[at] = value[at - 1];
      index[at] = index[at - 1];
    }
    value[at] = x;
    index[at] = static_cast<float>(e);
  }

  const F32x16 best = set1(value[0]);
  for (int64_t r = 0; r < top_k; r += 16) {
    const int64_t n = top_k - r < 16 ? top_k - r : 16;
    store_first(value + r, exponential(sub(load_first(value + r, n), best)), n);
  }
  float total = 0.0f;
  for (int64_t r = 0; r < top_k; r++) total += value[r];
  for (int64_t r = 0; r < top_k; r += 16) {
    const int64_t n = top_k - r < 16 ? top_k - r : 16;
    store_first(value + r, div(load_first(value + r, n), set1(total)), n);
  }
}

static void combine_experts_f32(const float* x, const float* weights, float* y, int64_t top_k, int64_t d) {
  int64_t i = 0;
  for (; i + 32 <= d; i += 32) {
    F32x16 s0 = zero(), s1 = zero();
    for (int64_t r = 0; r < top_k; r++) {
      const F32x16 w = set1(weights[r]);
      s0 = fma(w, load(x + r * d + i), s0);
      s1 = fma(w, load(x + r * d + i + 16), s1);
    }
    store(y + i, s0);
    store(y + i + 16, s1);
  }
  for (; i < d; i += 16) {
    const int64_t n = d - i < 16 ? d - i : 16;
    F32x16 s = zero();
    for (int64_t r = 0; r < top_k; r++) s = fma(set1(weights[r]), load_first(x + r * d + i, n), s);
    store_first(y + i, s, n);
  }
}

static void gated_add_f32(const float* a, const float* b, float gate, float* y, int64_t n) {
  const F32x16 share = sigmoid(set1(gate));
  int64_t i = 0;
  for (; i + 16 <= n; i += 16) store(y + i, fma(share, load(b + i), load(a + i)));
  if (i < n) store_first(y + i, fma(share, load_first(b + i, n - i), load_first(a + i, n - i)), n - i);
}

}  // namespace FAK_ISA
}  // namespace fak
