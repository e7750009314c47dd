// Many columns with AVX2 alone of types whose quants have eight bits and a sign: a pair of their products may already fill an int16, so nothing
// is gained by multiplying bytes. A panel holds 16 rows as int16 pairs. Bound by the multiply ports: one vpmaddwd for 16 products.
#pragma once

#include "linear_common.h"

namespace fak {
namespace FAK_ISA {
namespace {

/// 16 weight rows times up to kBlocks_ blocks of kElements_: quants[block][pair][row].
template <int kElements_, int kBlocks_>
struct WidePanel {
  static constexpr int kElements = kElements_, kBlocks = kBlocks_;
  alignas(32) int16_t quants[kBlocks][kElements / 2][kTileRows][2];
  alignas(32) float d[kBlocks][kTileRows];
};

/// H halves of the panel's rows times C columns, the first of which is `x`.
template <int H, int C, class Panel, class Row>
FAK_INLINE void tile_wide(const LinearArgs& a, const Panel& panel, const Row& x, int64_t blocks, int64_t b0, int64_t m, int64_t n,
                          const TileMask& mask) {
  constexpr int kElements = Panel::kElements, kLength = kElements * Panel::kBlocks;
  alignas(32) int16_t wide[C][kLength];
  for (int c = 0; c < C; c++) {
    widen(wide[c], x.quants + static_cast<size_t>(c) * a.x_stride + kElements * b0, kElements * blocks);
  }
  alignas(32) float acc[C][kTileRows];
  load_tile<H, C>(a, m, n, mask, b0 == 0, acc);
  for (int64_t b = 0; b < blocks; b++) {
    __m256i total[C][H];
    for (int c = 0; c < C; c++) {
      for (int h = 0; h < H; h++) total[c][h] = _mm256_setzero_si256();
    }
    panel_dots<H, C>(panel.quants[b], kElements / 2, wide[0] + kElements * b, kLength, total);
    for (int c = 0; c < C; c++) {
      const __m256 dx = _mm256_broadcast_ss(reinterpret_cast<const float*>(
          reinterpret_cast<const uint8_t*>(x.scales + b0 + b) + static_cast<size_t>(c) * a.x_stride));
      for (int h = 0; h < H; h++) {
        float* at = acc[c] + 8 * h;
        _mm256_store_ps(at, _mm256_fmadd_ps(_mm256_mul_ps(_mm256_load_ps(&panel.d[b][8 * h]), dx),
                                            _mm256_cvtepi32_ps(total[c][h]), _mm256_load_ps(at)));
      }
    }
  }
  store_tile<H, C>(a, m, n, mask, kElements * (b0 + blocks) == a.k, acc);
}

}  // namespace
}  // namespace FAK_ISA
}  // namespace fak
