// attention to one block of keys, for the queries of some tokens that share a key head; and the merge of what blocks gave. A block alone
// gives a maximum, a sum and a weighted row, and these partials are merged in block order (rule 7), so a context may be cut between
// threads at any block without changing a bit. A decode step is bound by the read of keys and values: each is read once for all query
// heads. A prefill step is bound by FMA: tiles of queries x keys, and of queries x sixteen values, stay in registers. Rows that are
// not floats are expanded kAttentionKeys at a time into L1, once for all queries.
#pragma once

#include "quant/half.h"

namespace fak {
namespace FAK_ISA {

/// Queries (heads of one token, which see the same keys) and keys or value vectors of a tile: accumulators, operands of one side and
/// the shared operand of the other fit in the registers.
constexpr int kTileQueries = kVectorRegisters >= 32 ? 4 : 2;
constexpr int kTileKeys = kVectorRegisters >= 32 ? 4 : 2;
/// Keys or values that are expanded at a time when few queries use them: the read of the next ones must not wait for long.
constexpr int kFewKeys = 4;
constexpr int kRowQueries = 4, kRowVectors = kVectorRegisters >= 32 ? 4 : 1;

/// Rows [first, first + count) of one head's part of a page as floats, one after the other: where they lie, or expanded into `buffer`.
FAK_INLINE const float* cache_floats(CacheType type, const uint8_t* head, int64_t first, int64_t count, int64_t width, float* buffer) {
  if (type == CacheType::F32) return reinterpret_cast<const float*>(head) + first * width;
  const int64_t begin = first * width, elements = count * width;
  if (type == CacheType::F16) {
    const uint16_t* from = reinterpret_cast<const uint16_t*>(head) + begin;
    for (int64_t i = 0; i < elements; i += 32) {
      store(buffer + i, load_f16(from + i));
      store(buffer + i + 16, load_f16(from + i + 16));
    }
    return buffer;
  }
  const int8_t* quants = reinterpret_cast<const int8_t*>(head) + begin;
  const uint8_t* scales = head + kAttentionBlock * width + begin / kCacheGroup * 2;
  for (int64_t i = 0; i < elements; i += kCacheGroup) {
    const F32x16 scale = set1(f16_to_f32(load_u16(scales + i / kCacheGroup * 2)));
    store(buffer + i, mul(load_i8(quants + i), scale));
    store(buffer + i + 16, mul(load_i8(quants + i + 16), scale));
  }
  return buffer;
}

/// Raw scores of Q queries against K keys; Q * K is a multiple of four. `score` has kAttentionBlock floats for each query. Asks for the
/// `lines` next lines at `ahead` with every vector.
template <int Q, int K, int lines>
FAK_INLINE void attention_tile(const float* q, const float* k, int64_t width, float* score, const uint8_t* ahead) {
  F32x16 sums[Q * K];
  for (int i = 0; i < Q * K; i++) sums[i] = zero();
  for (int64_t d = 0; d < width; d += 16) {
    F32x16 key[K];
    for (int j = 0; j < K; j++) key[j] = load(k + j * width + d);
    for (int j = 0; j < lines; j++) prefetch(ahead + (d / 16 * lines + j) * 64);
    for (int i = 0; i < Q; i++) {
      const F32x16 query = load(q + i * width + d);
      for (int j = 0; j < K; j++) sums[i * K + j] = fma(query, key[j], sums[i * K + j]);
    }
  }
  float four[4];
  for (int i = 0; i < Q * K; i += 4) {
    reduce_add4(sums[i], sums[i + 1], sums[i + 2], sums[i + 3], four);
    for (int j = 0; j < 4; j++) score[(i + j) / K * kAttentionBlock + (i + j) % K] = four[j];
  }
}

/// Raw scores of `heads` queries against n keys. Rows up to the next multiple of four are read, and their scores mean nothing.
template <int lines>
static void attention_scores(const float* q, int64_t heads, const float* k, int64_t n, int64_t width, float* score, const uint8_t* ahead) {
  int64_t h = 0;
  while (h < heads) {
    // Five queries go as three and two, six as three and three: a lone one would read all keys again for little work.
    const int64_t left = heads - h;
    const int64_t taken = kTileQueries < 4 ? (left >= 2 ? 2 : 1) : left == 5 || left == 6 ? 3 : left >= 4 ? 4 : left;
    const float* const at = q + h * width;
    float* const out = score + h * kAttentionBlock;
    for (int64_t i = 0; i < n; i += 4) {
      const float* const key = k + i * width;
      const uint8_t* const next = ahead + i * width * lines;
      if constexpr (kTileQueries == 4) {
        switch (taken) {
          case 4: attention_tile<4, 4, lines>(at, key, width, out + i, next); break;
          case 3: attention_tile<3, 4, lines>(at, key, width, out + i, next); break;
          case 2: attention_tile<2, 4, lines>(at, key, width, out + i, next); break;
          default: attention_tile<1, 4, lines>(at, key, width, out + i, next);
        }
      } else if (taken == 2) {
        for (int64_t j = 0; j < 4; j += kTileKeys) attention_tile<2, kTileKeys, lines>(at, key + j * width, width, out + i + j, next);
      } else {
        attention_tile<1, 4, lines>(at, key, width, out + i, next);
      }
    }
    h += taken;
  }
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

/// For Q queries and S vectors of the row: row += sum of p[i] * v row i over n keys in order.
template <int Q, int S, int lines>
FAK_INLINE void attention_row_tile(const float* p, const float* v, int64_t n, int64_t width, float* row, const uint8_t* ahead) {
  F32x16 sums[Q][S];
  for (int i = 0; i < Q; i++)
    for (int s = 0; s < S; s++) sums[i][s] = load(row + i * width + 16 * s);
  for (int64_t key = 0; key < n; key++) {
    F32x16 value[S];
    for (int s = 0; s < S; s++) value[s] = load(v + key * width + 16 * s);
    for (int j = 0; j < lines; j++) prefetch(ahead + (key * lines + j) * 64);
    for (int i = 0; i < Q; i++) {
      const F32x16 weight = set1(p[i * kAttentionBlock + key]);
      for (int s = 0; s < S; s++) sums[i][s] = fma(weight, value[s], sums[i][s]);
    }
  }
  for (int i = 0; i < Q; i++)
    for (int s = 0; s < S; s++) store(row + i * width + 16 * s, sums[i][s]);
}

template <int Q, int lines, int step>
FAK_INLINE void attention_row_tiles(const float* p, const float* v, int64_t n, int64_t width, float* row, const uint8_t* ahead) {
  int64_t d = 0;
  for (; d + 16 * kRowVectors <= width; d += 16 * kRowVectors)
    attention_row_tile<Q, kRowVectors, lines>(p, v + d, n, width, row + d, ahead + d * step * lines);
  for (; d < width; d += 16) attention_row_tile<Q, 1, 0>(p, v + d, n, width, row + d, ahead);
}

/// The rows of `heads` queries with weights p, kAttentionBlock floats for each.
template <int lines, int step>
static void attention_rows(const float* p, int64_t heads, const float* v, int64_t n, int64_t width, float* rows, const uint8_t* ahead) {
  int64_t h = 0;
  while (h < heads) {
    const int64_t left = heads - h, taken = left == 5 || left == 6 ? 3 : left >= kRowQueries ? kRowQueries : left;
    const float* const weights = p + h * kAttentionBlock;
    float* const out = rows + h * width;
    switch (taken) {
      case 4: attention_row_tiles<4, lines, step>(weights, v, n, width, out, ahead); break;
      case 3: attention_row_tiles<3, lines, step>(weights, v, n, width, out, ahead); break;
      case 2: attention_row_tiles<2, lines, step>(weights, v, n, width, out, ahead); break;
      default: attention_row_tiles<1, lines, step>(weights, v, n, width, out, ahead);
    }
    h += taken;
  }
}

/// How far ahead of the rows in use others are asked for.
constexpr int64_t kAheadBytes = 4096;

/// Where the row `start` of a head's part of a page will be followed so far ahead, when `next` comes after it.
FAK_INLINE const uint8_t* cache_ahead(CacheType type, const uint8_t* head, const uint8_t* next, int64_t start, int64_t width) {
  const int64_t row_bytes = width * (type == CacheType::F32 ? 4 : type == CacheType::F16 ? 2 : 1);
  const int64_t at = start * row_bytes + kAheadBytes, end = kAttentionBlock * row_bytes;
  return at < end ? head + at : next + (at - end);
}

template <int lines, int step>
static void attention_block_of(const AttentionBlockArgs& a) {
  const int64_t k_width = cache_width(a.Dk), v_width = cache_width(a.Dv), queries = a.tokens * a.heads;
  const int64_t last = a.seen + a.tokens - 1, keys = last < kAttentionBlock ? last : kAttentionBlock;
  float* const scores = a.scratch;
  float* const buffer = scores + queries * kAttentionBlock;
  const auto seen_by = [&](int64_t token) { return a.seen + token < kAttentionBlock ? a.seen + token : kAttentionBlock; };

  for (int64_t start = 0; start < keys; start += step) {
    const float* const k = cache_floats(a.type, a.k, start, step, k_width, buffer);
    const uint8_t* const ahead = cache_ahead(a.type, a.k, a.v, start, k_width);
    for (int64_t t = 0; t < a.tokens; t++) {
      const int64_t n = seen_by(t) - start < step ? seen_by(t) - start : step;
      if (n <= 0) continue;
      const int64_t query = t * a.heads;
      attention_scores<lines>(a.q + query * k_width, a.heads, k, n, k_width, scores + query * kAttentionBlock + start, ahead);
    }
  }
  for (int64_t query = 0; query < queries; query++)
    a.out.maxima[query] = attention_weights(scores + query * kAttentionBlock, seen_by(query / a.heads), a.scale, a.out.sums + query);
  memset(a.out.rows, 0, sizeof(float) * static_cast<size_t>(queries * v_width));
  for (int64_t start = 0; start < keys; start += step) {
    const float* const v = cache_floats(a.type, a.v, start, step, v_width, buffer);
    const uint8_t* const ahead = cache_ahead(a.type, a.v, a.next_k, start, v_width);
    for (int64_t t = 0; t < a.tokens; t++) {
      const int64_t n = seen_by(t) - start < step ? seen_by(t) - start : step;
      if (n <= 0) continue;
      const int64_t query = t * a.heads;
      attention_rows<lines, step>(scores + query * kAttentionBlock + start, a.heads, v, n, v_width, a.out.rows + query * v_width, ahead);
    }
  }
}

static void attention_block(const AttentionBlockArgs& a) {
  // As many lines with every vector of keys or values as it takes to have asked for the next rows when these are done.
  if (a.tokens > 1) return attention_block_of<0, kAttentionKeys>(a);
  if (a.type == CacheType::F32) return attention_block_of<4, kFewKeys>(a);
  if (a.type == CacheType::F16) return attention_block_of<2, kFewKeys>(a);
  attention_block_of<1, kFewKeys>(a);
}

static void attention_merge(const AttentionPartials& all, const AttentionPartials& block, int64_t queries, int64_t Dv) {
  const int64_t width = cache_width(Dv);
  for (int64_t query = 0; query < queries; query++) {
    const float seen = all.maxima[query], maximum = block.maxima[query];
    const float top = seen > maximum ? seen : maximum;
    const float before = first(exponential(set1(seen - top)));
    const float now = first(exponential(set1(maximum - top)));
    all.maxima[query] = top;
    all.sums[query] = __builtin_fmaf(block.sums[query], now, all.sums[query] * before);
    float* const row = all.rows + query * width;
    const float* const added = block.rows + query * width;
    for (int64_t d = 0; d < width; d += 16)
      store(row + d, fma(load(added + d), set1(now), mul(load(row + d), set1(before))));
  }
}

static void attention_output(const float* row, float sum, float* y, int64_t Dv) {
  for (int64_t d = 0; d < Dv; d += 16) {
    const int64_t n = Dv - d < 16 ? Dv - d : 16;
    store_up_to(y + d, div(load(row + d), set1(sum)), n);
  }
}

}  // namespace FAK_ISA
}  // namespace fak
