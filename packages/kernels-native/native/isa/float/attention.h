// attention: softmax over key blocks on a grid fixed to position 0. Each block alone gives a maximum, a sum and a weighted row;
// these partials are merged in block order (rule 7), so a context may be cut between threads at any block without changing a bit.
#pragma once

namespace fak {
namespace FAK_ISA {

/// Queries of one token that go through a block together: every key and value vector is loaded once for all of them.
constexpr int kQueries = 4;

/// Raw scores of four queries against n keys.
FAK_INLINE void attention_scores(const float* const q[kQueries], const float* k, size_t k_stride, int64_t n, int64_t Dk,
                                 float (*score)[kAttentionBlock]) {
  for (int64_t i = 0; i < n; i++, k += k_stride) {
    F32x16 s0 = zero(), s1 = zero(), s2 = zero(), s3 = zero();
    int64_t d = 0;
    for (; d + 16 <= Dk; d += 16) {
      const F32x16 key = load(k + d);
      s0 = fma(load(q[0] + d), key, s0);
      s1 = fma(load(q[1] + d), key, s1);
      s2 = fma(load(q[2] + d), key, s2);
      s3 = fma(load(q[3] + d), key, s3);
    }
    if (d < Dk) {
      const F32x16 key = load_first(k + d, Dk - d);
      s0 = fma(load_first(q[0] + d, Dk - d), key, s0);
      s1 = fma(load_first(q[1] + d, Dk - d), key, s1);
      s2 = fma(load_first(q[2] + d, Dk - d), key, s2);
      s3 = fma(load_first(q[3] + d, Dk - d), key, s3);
    }
    float sums[kQueries];
    reduce_add4(s0, s1, s2, s3, sums);
    for (int j = 0; j < kQueries; j++) score[j][i] = sums[j];
  }
}

/// The same for a query that has no company; the sums are the same too.
FAK_INLINE void attention_scores1(const float* q, const float* k, size_t k_stride, int64_t n, int64_t Dk, float* score) {
  int64_t i = 0;
  for (; i + 4 <= n; i += 4) dot4(q, k + static_cast<size_t>(i) * k_stride, k_stride, Dk, score + i);
  for (; i < n; i++) score[i] = dot(q, k + static_cast<size_t>(i) * k_stride, Dk);
}

/// Turns n raw scores into weights exp(score * scale - maximum), zero for the rest of the block; gives their sum and the maximum.
FAK_INLINE float attention_weights(float* score, int64_t n, float scale, float* sum) {
  for (int64_t i = n; i < kAttentionBlock; i++) score[i] = -__builtin_inff();
  F32x16 top = set1(-__builtin_inff());
  for (int64_t i = 0; i < kAttentionBlock; i += 16) {
    // The scale is positive or not: what lies beyond n must stay -infinity.
    const int64_t m = n - i < 0 ? 0 : n - i < 16 ? n - i : 16;
    const F32x16 scaled = mul(load_first(score + i, m), set1(scale));
    store_first(score + i, scaled, m);
    top = max(top, load(score + i));
  }
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

/// For each of four queries: row[Dv] = sum of p[i] * v row i, in index order; lanes run over Dv.
FAK_INLINE void attention_rows(const float (*p)[kAttentionBlock], const float* v, size_t v_stride, int64_t n, int64_t Dv,
                               float* const row[kQueries]) {
  for (int64_t d = 0; d < Dv; d += 16) {
    const int64_t width = Dv - d < 16 ? Dv - d : 16;
    F32x16 s0 = zero(), s1 = zero(), s2 = zero(), s3 = zero();
    const float* at = v + d;
    for (int64_t i = 0; i < n; i++, at += v_stride) {
      const F32x16 value = load_up_to(at, width);
      s0 = fma(set1(p[0][i]), value, s0);
      s1 = fma(set1(p[1][i]), value, s1);
      s2 = fma(set1(p[2][i]), value, s2);
      s3 = fma(set1(p[3][i]), value, s3);
    }
    store_first(row[0] + d, s0, width);
    store_first(row[1] + d, s1, width);
    store_first(row[2] + d, s2, width);
    store_first(row[3] + d, s3, width);
  }
}

/// The same for one query.
FAK_INLINE void attention_row1(const float* p, const float* v, size_t v_stride, int64_t n, int64_t Dv, float* row) {
  for (int64_t d = 0; d < Dv; d += 16) {
    const int64_t width = Dv - d < 16 ? Dv - d : 16;
    F32x16 s = zero();
    const float* at = v + d;
    for (int64_t i = 0; i < n; i++, at += v_stride) s = fma(set1(p[i]), load_up_to(at, width), s);
    store_first(row + d, s, width);
  }
}

/// What the blocks so far gave one query.
struct AttentionPartial {
  float* maximum;
  float* sum;
  float* row;
};

/// Adds a block's partial to what came before.
FAK_INLINE void attention_merge(AttentionPartial all, float maximum, float sum, const float* row, int64_t Dv) {
  const float top = *all.maximum > maximum ? *all.maximum : maximum;
  const float before = first(exponential(set1(*all.maximum - top)));
  const float block = first(exponential(set1(maximum - top)));
  *all.maximum = top;
  *all.sum = __builtin_fmaf(sum, block, *all.sum * before);
  for (int64_t d = 0; d < Dv; d += 16) {
    const int64_t n = Dv - d < 16 ? Dv - d : 16;
    const F32x16 kept = mul(load_up_to(all.row + d, n), set1(before));
    store_up_to(all.row + d, fma(load_up_to(row + d, n), set1(block), kept), n);
  }
}

static void attention_f32(const AttentionArgs& a) {
  const int64_t queries = a.tokens * a.heads, last = a.position + a.tokens;
  float* const maxima = a.scratch;
  float* const sums = maxima + queries;
  float* const rows = sums + queries;
  float* const block_rows = rows + queries * a.Dv;
  alignas(64) float score[kQueries][kAttentionBlock];

  // Blocks outside, queries inside: a block of keys and values stays in cache while all queries use it.
  for (int64_t start = 0; start < last; start += kAttentionBlock) {
    const float* k = a.k_pages[start / kAttentionBlock] + a.k_offset;
    const float* v = a.v_pages[start / kAttentionBlock] + a.v_offset;
    for (int64_t t = 0; t < a.tokens; t++) {
      const int64_t seen = a.position + t + 1 - start;
      if (seen <= 0) continue;
      const int64_t n = seen < kAttentionBlock ? seen : kAttentionBlock;
      for (int64_t h = 0; h < a.heads; h += kQueries) {
        const int64_t group = a.heads - h < kQueries ? a.heads - h : kQueries;
        const float* q[kQueries];
        float* out[kQueries];
        for (int64_t j = 0; j < kQueries; j++) {
          // A group that is not full repeats its last query; the copies write to a row that nobody reads.
          const int64_t head = h + (j < group ? j : group - 1);
          q[j] = a.q + static_cast<size_t>(t) * a.q_token_stride + static_cast<size_t>(head) * a.q_head_stride;
          out[j] = start == 0 && j < group ? rows + (t * a.heads + head) * a.Dv : block_rows + j * a.Dv;
        }
        if (group == 1) {
          attention_scores1(q[0], k, a.k_stride, n, a.Dk, score[0]);
        } else {
          attention_scores(q, k, a.k_stride, n, a.Dk, score);
        }
        float maximum[kQueries], sum[kQueries];
        const int64_t scored = group == 1 ? 1 : kQueries;
        for (int64_t j = 0; j < scored; j++) maximum[j] = attention_weights(score[j], n, a.scale, sum + j);
        if (group == 1) {
          attention_row1(score[0], v, a.v_stride, n, a.Dv, out[0]);
        } else {
          attention_rows(score, v, a.v_stride, n, a.Dv, out);
        }
        for (int64_t j = 0; j < group; j++) {
          const int64_t query = t * a.heads + h + j;
          if (start == 0) {
            maxima[query] = maximum[j];
            sums[query] = sum[j];
          } else {
            attention_merge({maxima + query, sums + query, rows + query * a.Dv}, maximum[j], sum[j], out[j], a.Dv);
          }
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
        store_up_to(y + d, div(load_up_to(rows + query * a.Dv + d, n), set1(sums[query])), n);
      }
    }
}

}  // namespace FAK_ISA
}  // namespace fak
