// attention: softmax over key blocks on a grid fixed to position 0. Each block alone gives a maximum, a sum and a weighted row;
// these partials are merged in block order (rule 7), so a context may be cut between threads at any block without changing a bit.
#pragma once

namespace fak {
namespace FAK_ISA {

/// Scores of one query against n keys (1 to kAttentionBlock); the rest of the block is -infinity.
FAK_INLINE void attention_scores(const float* q, const float* k, size_t k_stride, int64_t n, int64_t Dk, float scale,
                                 float* score) {
  int64_t i = 0;
  for (; i + 4 <= n; i += 4) dot4(q, k + static_cast<size_t>(i) * k_stride, k_stride, Dk, score + i);
  for (; i < n; i++) score[i] = dot(q, k + static_cast<size_t>(i) * k_stride, Dk);
  for (i = 0; i < n; i++) score[i] = score[i] * scale;
  for (; i < kAttentionBlock; i++) score[i] = -__builtin_inff();
}

/// Turns scores into exp(score - maximum); returns their sum in *sum and the maximum.
FAK_INLINE float attention_weights(float* score, float* sum) {
  F32x16 top = load(score);
  for (int64_t i = 16; i < kAttentionBlock; i += 16) top = max(top, load(score + i));
  const float maximum = reduce_max(top);
  F32x16 total = zero();
  for (int64_t i = 0; i < kAttentionBlock; i += 16) {
    const F32x16 p = exponential(sub(load(score + i), set1(maximum)));
    store(score + i, p);
    total = add(total, p);
  }
  *sum = reduce_add(total);
  return maximum;
}

/// row[Dv] = sum of p[i] * v row i, in index order; lanes run over Dv.
FAK_INLINE void attention_row(const float* p, const float* v, size_t v_stride, int64_t n, int64_t Dv, float* row) {
  int64_t d = 0;
  for (; d + 64 <= Dv; d += 64) {
    F32x16 s0 = zero(), s1 = zero(), s2 = zero(), s3 = zero();
    const float* at = v + d;
    for (int64_t i = 0; i < n; i++, at += v_stride) {
      const F32x16 weight = set1(p[i]);
      s0 = fma(weight, load(at), s0);
      s1 = fma(weight, load(at + 16), s1);
      s2 = fma(weight, load(at + 32), s2);
      s3 = fma(weight, load(at + 48), s3);
    }
    store(row + d, s0);
    store(row + d + 16, s1);
    store(row + d + 32, s2);
    store(row + d + 48, s3);
  }
  for (; d < Dv; d += 16) {
    const int64_t width = Dv - d < 16 ? Dv - d : 16;
    F32x16 s = zero();
    const float* at = v + d;
    for (int64_t i = 0; i < n; i++, at += v_stride) s = fma(set1(p[i]), load_first(at, width), s);
    store_first(row + d, s, width);
  }
}

/// Adds a block's partial (its maximum, sum and row) to what came before.
FAK_INLINE void attention_merge(float* maximum, float* sum, float* row, float block_maximum, float block_sum,
                                const float* block_row, int64_t Dv) {
  const float top = *maximum > block_maximum ? *maximum : block_maximum;
  const float before = first(exponential(set1(*maximum - top)));
  const float block = first(exponential(set1(block_maximum - top)));
  *maximum = top;
  *sum = __builtin_fmaf(block_sum, block, *sum * before);
  for (int64_t d = 0; d < Dv; d += 16) {
    const int64_t n = Dv - d < 16 ? Dv - d : 16;
    const F32x16 kept = mul(load_first(row + d, n), set1(before));
    store_first(row + d, fma(load_first(block_row + d, n), set1(block), kept), n);
  }
}

static void attention_f32(const AttentionArgs& a) {
  const int64_t queries = a.tokens * a.heads, last = a.position + a.tokens;
  float* maximum = a.scratch;
  float* sum = maximum + queries;
  float* rows = sum + queries;
  float* block_row = rows + queries * a.Dv;
  alignas(64) float score[kAttentionBlock];

  // Blocks outside, queries inside: a block of keys and values stays in cache while all queries use it.
  for (int64_t start = 0; start < last; start += kAttentionBlock) {
    const float* k = a.k + static_cast<size_t>(start) * a.k_stride;
    const float* v = a.v + static_cast<size_t>(start) * a.v_stride;
    for (int64_t t = 0; t < a.tokens; t++) {
      const int64_t seen = a.position + t + 1 - start;
      if (seen <= 0) continue;
      const int64_t n = seen < kAttentionBlock ? seen : kAttentionBlock;
      for (int64_t h = 0; h < a.heads; h++) {
        const int64_t query = t * a.heads + h;
        const float* q = a.q + static_cast<size_t>(t) * a.q_token_stride + static_cast<size_t>(h) * a.q_head_stride;
        float* row = rows + query * a.Dv;
        attention_scores(q, k, a.k_stride, n, a.Dk, a.scale, score);
        float block_sum;
        const float block_maximum = attention_weights(score, &block_sum);
        attention_row(score, v, a.v_stride, n, a.Dv, start == 0 ? row : block_row);
        if (start == 0) {
          maximum[query] = block_maximum;
          sum[query] = block_sum;
        } else {
          attention_merge(maximum + query, sum + query, row, block_maximum, block_sum, block_row, a.Dv);
        }
      }
    }
  }

  for (int64_t t = 0; t < a.tokens; t++)
    for (int64_t h = 0; h < a.heads; h++) {
      const int64_t query = t * a.heads + h;
      float* y = a.y + static_cast<size_t>(t) * a.y_token_stride + static_cast<size_t>(h) * a.y_head_stride;
      for (int64_t d = 0; d < a.Dv; d += 16) {
        const int64_t n = a.Dv - d < 16 ? a.Dv - d : 16;
        store_first(y + d, div(load_first(rows + query * a.Dv + d, n), set1(sum[query])), n);
      }
    }
}

}  // namespace FAK_ISA
}  // namespace fak
