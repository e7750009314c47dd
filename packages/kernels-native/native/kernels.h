// The kernel table: every leaf kernel behind a function pointer, with its contract. A leaf is a pure function over pointers
// and sizes: no allocation, no threads, no globals. Op drivers (ops/) slice the work; leaves (isa/<name>/) do one slice.
// The table starts full with scalar kernels; each instruction set overrides what it does better. All entries for one op
// give the same bits (docs/arithmetic.md), so which one ran can never be told from the result.
#pragma once

#include <cstddef>
#include <cstdint>

#include "dtype.h"

namespace fak {

/// How a linear op wants its input row.
enum class ActivationFormat : uint8_t {
  F32,     ///< floats as they are (F32, F16 and BF16 weights, and types that are dequantized)
  Q8x32,   ///< int8 blocks of 32 with one scale each (Q4_0 … Q8_0, IQ4_NL, MXFP4)
  Q8x256,  ///< int8 blocks of 256 with one scale and sixteen sums each (K-quants, IQ4_XS)
};

constexpr int kActivationFormatCount = 3;

/// y[m * y_stride + n] = dot(weight row n, x row m) for n in [0, rows), m in [0, columns).
struct LinearArgs {
  const uint8_t* weight;   ///< first weight row of the slice, in its stored layout, any alignment
  size_t weight_stride;    ///< bytes from one weight row to the next
  const uint8_t* x;        ///< first activation row, in the kernel's ActivationFormat, 64-byte aligned
  size_t x_stride;         ///< bytes from one activation row to the next, a multiple of 64
  float* y;                ///< output element of (weight row 0 of the slice, activation row 0)
  size_t y_stride;         ///< floats from one activation row's outputs to the next
  int64_t rows;            ///< weight rows in the slice
  int64_t columns;         ///< activation rows M (tokens)
  int64_t k;               ///< elements of a row, a multiple of the weight type's block length
};

/// What one stored type needs for `linear` and `embedding`.
struct LinearKernels {
  const char* name;            ///< e.g. "linear_q4_K__avx512", for `fak info`
  ActivationFormat activation;
  void (*linear)(const LinearArgs& args);
  /// Exact value of k stored elements as floats.
  void (*dequantize_row)(const uint8_t* row, float* out, int64_t k);
};

/// Keys of one block of the online softmax. Blocks are counted from position 0, so the grid never depends on the step.
constexpr int64_t kAttentionBlock = 64;

/// How a cache stores its rows. Attention computes with their exact values as floats.
enum class CacheType : uint8_t { F32, F16, Q8_0 };

constexpr int kCacheTypeCount = 3;

/// Elements that a head's row of D takes up: whole blocks of Q8_0, whole vectors of every other type. The rest is zero.
constexpr int64_t kCacheGroup = 32;
constexpr int64_t cache_width(int64_t D) { return (D + kCacheGroup - 1) / kCacheGroup * kCacheGroup; }

/// Bytes of one head's part of a page: kAttentionBlock rows next to each other. Q8_0 has all quants, then all scales (binary16).
constexpr size_t cache_head_bytes(CacheType type, int64_t D) {
  const size_t elements = static_cast<size_t>(kAttentionBlock * cache_width(D));
  return type == CacheType::F32   ? elements * 4
         : type == CacheType::F16 ? elements * 2
                                  : elements + elements / kCacheGroup * 2;
}

/// What some keys give some queries: per query a maximum, a sum, and a row of cache_width(Dv) floats that is still to be divided by the sum.
struct AttentionPartials {
  float* maxima;
  float* sums;
  float* rows;
};

/// Causal attention of some queries that share one key/value head to one block of keys.
struct AttentionBlockArgs {
  CacheType type;
  const float* q;      ///< [tokens, heads, cache_width(Dk)], zero beyond Dk, 64-byte aligned
  const uint8_t* k;    ///< the head's part of the page of keys
  const uint8_t* v;    ///< likewise of values
  const uint8_t* next_k;  ///< keys that are wanted next, to be asked for early; any address
  int64_t tokens, heads;
  int64_t seen;        ///< keys from the block's first on that the first token sees, at least 1; each later token sees one more
  int64_t Dk, Dv;
  float scale;
  AttentionPartials out;  ///< [tokens, heads]
  float* scratch;         ///< attention_scratch_floats(tokens * heads, Dk, Dv) floats, 64-byte aligned
};

/// Floats that `attention_block` needs beside its operands: per query the scores; and some keys or values as floats.
constexpr int64_t kAttentionKeys = 16;
constexpr int64_t attention_scratch_floats(int64_t queries, int64_t Dk, int64_t Dv) {
  return queries * kAttentionBlock + kAttentionKeys * (Dk > Dv ? cache_width(Dk) : cache_width(Dv));
}

/// Longest convolution; the models of today have 4 taps.
constexpr int64_t kMaxConvTaps = 16;

/// A causal depthwise convolution over time, for a slice of the channels and some tokens.
struct ConvArgs {
  const float* x;       ///< first token, first channel of the slice
  size_t x_stride;      ///< floats from one token to the next
  const float* weight;  ///< [channels, taps] of the slice; the last tap is the current token's
  const float* history; ///< the taps - 1 rows before the first token, oldest first, first channel of the slice
  size_t history_stride;
  float* y;
  size_t y_stride;
  int64_t tokens, channels, taps;
  bool silu;            ///< apply silu to the sum
};

/// Some rows of one value head's state [Dv, Dk], carried through all tokens of a step.
struct DeltaArgs {
  const float* q;       ///< token 0: normalized and scaled query of the key head, Dk floats
  const float* k;       ///< token 0: normalized key
  size_t qk_stride;     ///< floats from one token to the next, in q and k
  const float* v;       ///< token 0: value of the first row
  size_t v_stride;
  const float* decay;   ///< token 0: exp(g) of this head
  const float* beta;    ///< token 0: sigmoid(b) of this head
  size_t gate_stride;   ///< floats from one token to the next, in decay and beta
  float* state;         ///< first row: Dk floats, rows adjacent
  float* y;             ///< token 0: output of the first row
  size_t y_stride;
  int64_t tokens, rows, Dk;
};

/// The float kernels. Pointers need no alignment; x and y never overlap.
struct FloatKernels {
  /// y = x / sqrt(mean(x^2) + eps) * weight for each of `groups` runs of d floats.
  void (*rms_norm)(const float* x, const float* weight, float* y, int64_t groups, int64_t d, float eps);
  /// The same, times silu(z).
  void (*gated_rms_norm)(const float* x, const float* z, const float* weight, float* y, int64_t groups, int64_t d,
                         float eps);
  /// y = a + b
  void (*add)(const float* a, const float* b, float* y, int64_t n);
  /// y = x * factor
  void (*scale)(const float* x, float factor, float* y, int64_t n);
  /// y = silu(gate) * up
  void (*silu_mul)(const float* gate, const float* up, float* y, int64_t n);
  /// y = x * sigmoid(gate)
  void (*sigmoid_mul)(const float* x, const float* gate, float* y, int64_t n);
  /// Rotates the pairs (m, m + dims/2) of each head of one token by the angles with these cosines and sines [dims/2].
  void (*rope)(const float* x, const float* cosines, const float* sines, float* y, int64_t heads, int64_t head_dim,
               int64_t dims);
  void (*attention_block)(const AttentionBlockArgs& args);
  /// Adds the partials of a later block to those of all blocks before it.
  void (*attention_merge)(const AttentionPartials& all, const AttentionPartials& block, int64_t queries, int64_t Dv);
  /// y = row / sum: Dv floats of one query.
  void (*attention_output)(const float* row, float sum, float* y, int64_t Dv);
  void (*causal_conv1d)(const ConvArgs& args);
  /// y = u / sqrt(sum(u^2) + eps) * scale for each of `groups` runs of d floats.
  void (*l2_normalize)(const float* u, float* y, int64_t groups, int64_t d, float eps, float scale);
  /// decay = exp(A * softplus(a + dt_bias)), beta = sigmoid(b), for n heads.
  void (*delta_gates)(const float* a, const float* b, const float* A, const float* dt_bias, float* decay, float* beta,
                      int64_t n);
  /// Per token and row: row *= decay; m = row . k; row += beta (v - m) k; y = row . q
  void (*gated_delta)(const DeltaArgs& args);
  /// y = [indices, weights] of the top_k largest of the logits of one row.
  void (*route)(const float* logits, float* y, int64_t experts, int64_t top_k);
  /// y = sum of weights[r] * x[r * d, (r + 1) * d) over the ranks r in order.
  void (*combine_experts)(const float* x, const float* weights, float* y, int64_t top_k, int64_t d);
  /// y = a + sigmoid(gate) * b
  void (*gated_add)(const float* a, const float* b, float gate, float* y, int64_t n);
  /// Whether none of n floats is NaN or infinite.
  bool (*all_finite)(const float* x, int64_t n);
  /// The end of a linear: whether that holds for n floats of each of some rows that lie `stride` apart. Then y += residual, unless that is
  /// null; its rows lie as those of y.
  bool (*finish)(float* y, const float* residual, size_t stride, int64_t rows, int64_t n);
};

/// What measures a machine (probe/machine.h) in the terms of one instruction set.
struct ProbeKernels {
  /// Does a burst of about 10 microseconds of int8 multiply-adds the way the linear kernels do them, as fast as they go with every
  /// operand in a register or in L1; returns how many. `sink` takes a result, so that they cannot be left out.
  int64_t (*multiply)(int32_t* sink);
  /// Reads `bytes` bytes, a multiple of 64, of each of some streams, a cache line of each in turn, with the widest loads there are and
  /// nothing else to do.
  void (*read)(const uint8_t* const* streams, int count, size_t bytes, int32_t* sink);
};

struct KernelTable {
  const char* isa;
  LinearKernels linear[kDTypeCount];
  /// Quantizes (or copies) one row of k floats into a format; by ActivationFormat.
  void (*quantize_row[kActivationFormatCount])(const float* x, uint8_t* out, int64_t k);
  FloatKernels floats;
  ProbeKernels probe;
};

/// Bytes that one activation row of k floats takes in a format, rounded up to a multiple of 64.
size_t activation_row_bytes(ActivationFormat format, int64_t k);

/// Fills every linear entry of a table with scalar kernels; the others override what they have.
void register_linear_scalar(KernelTable& table);
void register_linear_avx2(KernelTable& table);
void register_linear_avxvnni(KernelTable& table);  // after avx2: its types that are not quantized stay
void register_linear_avx512(KernelTable& table);
void register_linear_neon(KernelTable& table);
void register_linear_i8mm(KernelTable& table);

/// Fills the float kernels; every instruction set has all of them (isa/float/, compiled once for each).
void register_float_scalar(KernelTable& table);
void register_float_avx2(KernelTable& table);
void register_float_avx512(KernelTable& table);
void register_float_neon(KernelTable& table);

/// Fills the linear entries of the types that are dequantized; every instruction set has all of them.
void register_dequantized_scalar(KernelTable& table);
void register_dequantized_avx2(KernelTable& table);
void register_dequantized_avx512(KernelTable& table);
void register_dequantized_neon(KernelTable& table);

/// Fills the probe kernels; every instruction set has them.
void register_probe_scalar(KernelTable& table);
void register_probe_avx2(KernelTable& table);
void register_probe_avx512(KernelTable& table);
void register_probe_neon(KernelTable& table);
void register_probe_i8mm(KernelTable& table);

}  // namespace fak
