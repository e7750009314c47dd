// Every float kernel of every instruction set that this machine has, against scalar, bit for bit: all tails, misaligned
// operands, ordinary and extreme values. And scalar itself against the C library in double, within stated tolerances.
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "check.h"
#include "executor/memory.h"
#include "kernels.h"
#include "ops/cache_row.h"
#include "isa/cpu.h"

using namespace fak;
using fak::test::Random;

namespace {

/// The float part of the tables alone: this program does not need the linear kernels.
FloatKernels floats_of([[maybe_unused]] int isa) {
  KernelTable table{};
  register_float_scalar(table);
#if defined(FAK_X86)
  if (isa == kAvx2 || isa == kAvxVnni) register_float_avx2(table);
  if (isa == kAvx512) register_float_avx512(table);
#elif defined(FAK_ARM64)
  if (isa >= kNeon) register_float_neon(table);
#endif
  return table.floats;
}

/// Values that hurt: zeros of both signs, denormals, the edges of exp, infinities, NaN.
const float kExtremes[] = {0.0f,   -0.0f,  1e-45f,  -1e-40f, 1e-38f,  20.0f,   20.000002f, -20.0f,  -86.0f,  -86.00001f,
                           88.72f, 88.73f, -88.72f, 3e38f,   -3e38f,  1e19f,   -1e19f,     0.5f,    -0.5f,
                           std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity(),
                           std::numeric_limits<float>::quiet_NaN()};

enum class Values { Ordinary, Extreme };

/// n floats that start `shift` floats after a 64-byte boundary.
struct Floats {
  std::vector<float> memory;
  float* at;
  Floats(int64_t n, int shift, Random& random, Values values = Values::Ordinary) : memory(static_cast<size_t>(n + 64)) {
    const auto address = reinterpret_cast<uintptr_t>(memory.data());
    at = memory.data() + ((64 - address % 64) % 64) / 4 + shift;
    for (int64_t i = 0; i < n; i++) {
      at[i] = random.uniform(-4.0f, 4.0f);
      if (values == Values::Extreme && random.next() % 3 == 0)
        at[i] = kExtremes[random.next() % (sizeof kExtremes / sizeof *kExtremes)];
    }
  }
};

/// Runs `body(kernels, y)` for scalar and for every other instruction set on equal memory and compares y[0, n).
template <class Body>
void same_bits(const char* what, int64_t n, int shift, Body body) {
  Random zero(0);
  Floats want(n, shift, zero);
  const std::vector<float> start(want.at, want.at + n);
  body(floats_of(0), want.at);
  for (int isa = 1; isa < kIsaCount; isa++) {
    if (!isa_present(isa)) continue;
    Floats got(n, shift, zero);
    std::memcpy(got.at, start.data(), sizeof(float) * static_cast<size_t>(n));
    body(floats_of(isa), got.at);
    const int64_t i = fak::test::first_difference(want.at, got.at, n);
    CHECK(i < 0, "%s, %s, n %lld, shift %d: element %lld is %.9g, scalar says %.9g", what, kIsaNames[isa],
          static_cast<long long>(n), shift, static_cast<long long>(i), static_cast<double>(got.at[i]),
          static_cast<double>(want.at[i]));
  }
}

FAK_TEST(elementwise_same_bits) {
  Random random(1);
  for (const Values values : {Values::Ordinary, Values::Extreme})
    for (int64_t n = 1; n <= 67; n++)
      for (int shift = 0; shift < 3; shift++) {
        const Floats a(n, shift, random, values), b(n, (shift * 5) % 16, random, values);
        same_bits("add", n, shift, [&](const FloatKernels& k, float* y) { k.add(a.at, b.at, y, n); });
        same_bits("scale", n, shift, [&](const FloatKernels& k, float* y) { k.scale(a.at, b.at[0], y, n); });
        same_bits("silu_mul", n, shift, [&](const FloatKernels& k, float* y) { k.silu_mul(a.at, b.at, y, n); });
        same_bits("sigmoid_mul", n, shift, [&](const FloatKernels& k, float* y) { k.sigmoid_mul(a.at, b.at, y, n); });
      }
}

FAK_TEST(norms_same_bits) {
  Random random(2);
  for (const Values values : {Values::Ordinary, Values::Extreme})
    for (int64_t d = 1; d <= 50; d++)
      for (int64_t groups = 1; groups <= 3; groups++) {
        const int shift = static_cast<int>(d % 7);
        const int64_t n = d * groups;
        const Floats x(n, shift, random, values), z(n, 1, random, values), w(d, 3, random);
        same_bits("rms_norm", n, shift,
                  [&](const FloatKernels& k, float* y) { k.rms_norm(x.at, w.at, y, groups, d, 1e-6f); });
        same_bits("gated_rms_norm", n, shift,
                  [&](const FloatKernels& k, float* y) { k.gated_rms_norm(x.at, z.at, w.at, y, groups, d, 1e-6f); });
        same_bits("l2_normalize", n, shift,
                  [&](const FloatKernels& k, float* y) { k.l2_normalize(x.at, y, groups, d, 1e-6f, 0.25f); });
      }
}

FAK_TEST(rope_same_bits) {
  Random random(3);
  for (int64_t dims = 2; dims <= 70; dims += 2)
    for (int64_t heads = 1; heads <= 3; heads++) {
      const int64_t head_dim = dims + (dims % 3) * 5, n = heads * head_dim;
      const Floats x(n, 1, random), c(dims / 2, 2, random), s(dims / 2, 3, random);
      same_bits("rope", n, 0,
                [&](const FloatKernels& k, float* y) { k.rope(x.at, c.at, s.at, y, heads, head_dim, dims); });
    }
}

/// One head's part of a page, full of rows of D numbers; what lies beyond them is NaN until somebody stores it.
struct CacheHead {
  Memory memory;
  CacheHead(CacheType type, int64_t D, int64_t rows, Random& random) {
    memory.allocate(cache_head_bytes(type, D));
    std::memset(memory.data(), 0xff, memory.bytes());
    for (int64_t row = 0; row < rows; row++) {
      const Floats x(D, 1, random);
      CHECK(store_cache_row(type, x.at, D, memory.data(), row), "a row of ordinary numbers");
    }
  }
};

FAK_TEST(attention_same_bits) {
  Random random(4);
  const int64_t dims[][2] = {{1, 1}, {8, 24}, {33, 65}, {100, 130}, {256, 256}};
  for (const CacheType type : {CacheType::F32, CacheType::F16, CacheType::Q8_0})
    for (const auto& [Dk, Dv] : dims)
      for (const int64_t seen : {1, 2, 15, 17, 32, 61, 63, 64, 100})
        for (const int64_t tokens : {1, 4})
          for (int64_t heads = 1; heads <= 7; heads++) {
            const int64_t queries = tokens * heads, rows = std::min(seen + tokens - 1, kAttentionBlock), width = cache_width(Dv);
            const CacheHead k(type, Dk, rows, random), v(type, Dv, rows, random);
            Floats q(queries * cache_width(Dk), 0, random);
            for (int64_t i = 0; i < queries * cache_width(Dk); i++)
              if (i % cache_width(Dk) >= Dk) q.at[i] = 0;
            const Floats scratch(attention_scratch_floats(queries, Dk, Dv), 0, random);
            same_bits("attention_block", queries * (width + 2), 0, [&, Dk = Dk, Dv = Dv](const FloatKernels& kernels, float* y) {
              AttentionBlockArgs a{};
              a.type = type, a.q = q.at, a.k = k.memory.data(), a.v = v.memory.data();
              a.tokens = tokens, a.heads = heads, a.seen = seen, a.Dk = Dk, a.Dv = Dv, a.scale = 0.3f;
              a.out = {y + queries * width, y + queries * (width + 1), y}, a.scratch = scratch.at;
              kernels.attention_block(a);
            });
          }
}

FAK_TEST(attention_partials_same_bits) {
  Random random(14);
  for (const int64_t Dv : {1, 24, 65, 256})
    for (int64_t queries = 1; queries <= 4; queries++) {
      const int64_t floats = queries * (cache_width(Dv) + 2);
      const Floats all(floats, 0, random), block(floats, 0, random);
      const auto partials = [&](float* at) {
        return AttentionPartials{at, at + queries, at + 2 * queries};
      };
      same_bits("attention_merge", floats, 0, [&](const FloatKernels& k, float* y) {
        std::memcpy(y, all.at, static_cast<size_t>(floats) * sizeof(float));
        k.attention_merge(partials(y), partials(block.at), queries, Dv);
      });
      same_bits("attention_output", Dv, 1,
                [&](const FloatKernels& k, float* y) { k.attention_output(all.at, *block.at, y, Dv); });
    }
}

/// What attention is told of a query: the definition in double, over rows as the cache holds them.
FAK_TEST(attention_follows_its_definition) {
  Random random(15);
  const int64_t Dk = 40, Dv = 70, heads = 3, tokens = 5, seen = 58, queries = heads * tokens, width = cache_width(Dv);
  const auto at = [](CacheType type, const CacheHead& head, int64_t D, int64_t row, int64_t i) -> double {
    const int64_t element = row * cache_width(D) + i;
    const uint8_t* const data = head.memory.data();
    if (type == CacheType::F32) return reinterpret_cast<const float*>(data)[element];
    if (type == CacheType::F16) return static_cast<double>(f16_to_f32(reinterpret_cast<const uint16_t*>(data)[element]));
    const auto* const scales = reinterpret_cast<const uint16_t*>(data + kAttentionBlock * cache_width(D));
    return static_cast<double>(f16_to_f32(scales[element / kCacheGroup])) * reinterpret_cast<const int8_t*>(data)[element];
  };
  for (const CacheType type : {CacheType::F32, CacheType::F16, CacheType::Q8_0}) {
    const CacheHead k(type, Dk, 64, random), v(type, Dv, 64, random);
    Floats q(queries * cache_width(Dk), 0, random);
    const Floats scratch(attention_scratch_floats(queries, Dk, Dv), 0, random), out(queries * (width + 2), 0, random);
    for (int64_t i = 0; i < queries * cache_width(Dk); i++)
      if (i % cache_width(Dk) >= Dk) q.at[i] = 0;
    AttentionBlockArgs a{};
    a.type = type, a.q = q.at, a.k = k.memory.data(), a.v = v.memory.data();
    a.tokens = tokens, a.heads = heads, a.seen = seen, a.Dk = Dk, a.Dv = Dv, a.scale = 0.1f;
    a.out = {out.at + queries * width, out.at + queries * (width + 1), out.at}, a.scratch = scratch.at;
    floats_of(0).attention_block(a);
    for (int64_t query = 0; query < queries; query++) {
      const int64_t n = std::min(kAttentionBlock, seen + query / heads);
      std::vector<double> scores(static_cast<size_t>(n)), row(static_cast<size_t>(Dv));
      double top = -1e30, sum = 0;
      for (int64_t i = 0; i < n; i++) {
        double& score = scores[static_cast<size_t>(i)];
        for (int64_t d = 0; d < Dk; d++) score += 0.1 * static_cast<double>(q.at[query * cache_width(Dk) + d]) * at(type, k, Dk, i, d);
        top = std::max(top, score);
      }
      for (int64_t i = 0; i < n; i++) {
        const double p = std::exp(scores[static_cast<size_t>(i)] - top);
        sum += p;
        for (int64_t d = 0; d < Dv; d++) row[static_cast<size_t>(d)] += p * at(type, v, Dv, i, d);
      }
      std::vector<float> y(static_cast<size_t>(Dv));
      floats_of(0).attention_output(out.at + query * width, a.out.sums[query], y.data(), Dv);
      for (int64_t d = 0; d < Dv; d++)
        CHECK(std::fabs(static_cast<double>(y[static_cast<size_t>(d)]) - row[static_cast<size_t>(d)] / sum) < 2e-5,
              "type %d, query %lld, value %lld", static_cast<int>(type), static_cast<long long>(query), static_cast<long long>(d));
    }
  }
}

/// Rounding to a cache, told bit by bit; every binary16 number is its own nearest one.
FAK_TEST(cache_rows_round_to_nearest_even) {
  for (uint32_t h = 0; h < 0x10000; h++) {
    if ((h & 0x7c00u) == 0x7c00u && (h & 0x3ffu) != 0) continue;
    const float x = f16_to_f32(static_cast<uint16_t>(h));
    CHECK(f32_to_f16(x) == h, "%04x becomes %04x", h, f32_to_f16(x));
    if ((h & 0x7fffu) >= 0x7bffu) continue;
    // Half-way to the next number: the even one of the two. The neighbours of the half-way point: the nearer one.
    const float next = f16_to_f32(static_cast<uint16_t>(h + 1)), half = x + (next - x) / 2;
    CHECK(f32_to_f16(half) == h + (h & 1u), "half-way above %04x becomes %04x", h, f32_to_f16(half));
    CHECK(f32_to_f16(std::nextafter(half, x)) == h, "below half-way above %04x", h);
    CHECK(f32_to_f16(std::nextafter(half, next)) == h + 1, "beyond half-way above %04x", h);
  }
  const float beyond[] = {65520.0f, -65520.0f, 1e30f, std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()};
  for (const CacheType type : {CacheType::F16, CacheType::Q8_0}) {
    Memory page;
    page.allocate(cache_head_bytes(type, 40));
    std::vector<float> row(40, 1.0f);
    for (const float x : beyond) {
      row[37] = type == CacheType::Q8_0 && std::isfinite(x) ? x * 127.1f : x;
      CHECK(!store_cache_row(type, row.data(), 40, page.data(), 3), "%g does not fit", static_cast<double>(x));
    }
    row[37] = type == CacheType::Q8_0 ? 8e6f : 65519.0f;
    CHECK(store_cache_row(type, row.data(), 40, page.data(), 3), "the largest fits");
    std::fill(row.begin(), row.end(), 1e-7f);
    CHECK(store_cache_row(type, row.data(), 40, page.data(), 3), "the smallest fit");
  }
}

FAK_TEST(conv_same_bits) {
  Random random(5);
  for (int64_t channels = 1; channels <= 40; channels += 3)
    for (int64_t taps = 1; taps <= 5; taps++)
      for (const int64_t tokens : {1, 2, 3, 9}) {
        const int64_t stride = channels + 3, kept = taps - 1;
        const Floats x(tokens * stride, 1, random), w(channels * taps, 1, random), history(kept * stride + 1, 0, random);
        same_bits("causal_conv1d", tokens * stride, 0, [&](const FloatKernels& k, float* y) {
          k.causal_conv1d({x.at, static_cast<size_t>(stride), w.at, history.at, static_cast<size_t>(stride), y,
                           static_cast<size_t>(stride), tokens, channels, taps, channels % 2 == 0});
        });
      }
}

FAK_TEST(delta_same_bits) {
  Random random(6);
  for (const int64_t Dk : {1, 7, 16, 24, 48, 128, 130})
    for (const int64_t rows : {1, 3, 8, 33, 70})
      for (const int64_t tokens : {1, 2, 5}) {
        const Floats q(tokens * Dk, 1, random), k(tokens * Dk, 2, random), v(tokens * rows, 3, random),
            decay(tokens, 0, random), beta(tokens, 0, random);
        const int64_t outputs = tokens * rows;
        same_bits("gated_delta", outputs + rows * Dk, 1, [&](const FloatKernels& kernels, float* y) {
          kernels.gated_delta({q.at, k.at, static_cast<size_t>(Dk), v.at, static_cast<size_t>(rows), decay.at, beta.at, 1,
                               y + outputs, y, static_cast<size_t>(rows), tokens, rows, Dk});
        });
      }
  for (const Values values : {Values::Ordinary, Values::Extreme})
    for (int64_t n = 1; n <= 35; n++) {
      const Floats a(n, 1, random, values), b(n, 2, random, values), A(n, 3, random), dt(n, 4, random);
      same_bits("delta_gates", 2 * n, 0,
                [&](const FloatKernels& k, float* y) { k.delta_gates(a.at, b.at, A.at, dt.at, y, y + n, n); });
    }
}

FAK_TEST(experts_same_bits) {
  Random random(8);
  for (const Values values : {Values::Ordinary, Values::Extreme})
    for (int64_t n = 1; n <= 67; n++) {
      const int shift = static_cast<int>(n % 5);
      const Floats a(n, shift, random, values), b(n, 3, random, values), gate(1, 0, random, values);
      same_bits("gated_add", n, shift, [&](const FloatKernels& k, float* y) { k.gated_add(a.at, b.at, *gate.at, y, n); });
      for (const int64_t top_k : {1, 2, 8, 17}) {
        const Floats x(n * top_k, 1, random, values), weights(top_k, 2, random);
        same_bits("combine_experts", n, shift,
                  [&](const FloatKernels& k, float* y) { k.combine_experts(x.at, weights.at, y, top_k, n); });
        if (top_k <= n) same_bits("route", 2 * top_k, shift, [&](const FloatKernels& k, float* y) { k.route(a.at, y, n, top_k); });
      }
      same_bits("route", 2 * n, shift, [&](const FloatKernels& k, float* y) { k.route(b.at, y, n, n); });
    }
}

FAK_TEST(route_follows_its_definition) {
  const FloatKernels k = floats_of(0);
  Random random(9);
  for (int64_t experts = 1; experts <= 60; experts++)
    for (int64_t top_k = 1; top_k <= experts; top_k += 1 + top_k / 2) {
      // Few different values, so that many are equal; the order among those is part of the definition. -0 equals 0.
      std::vector<float> logits(static_cast<size_t>(experts)), y(static_cast<size_t>(2 * top_k));
      for (float& x : logits) x = static_cast<float>(static_cast<int>(random.next() % 9) - 4) * (random.next() % 2 == 0 ? 1.0f : -1.0f);
      std::vector<int64_t> order(static_cast<size_t>(experts));
      for (size_t i = 0; i < order.size(); i++) order[i] = static_cast<int64_t>(i);
      std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return logits[static_cast<size_t>(a)] > logits[static_cast<size_t>(b)]; });
      k.route(logits.data(), y.data(), experts, top_k);
      double total = 0;
      for (int64_t r = 0; r < top_k; r++) total += std::exp(static_cast<double>(logits[static_cast<size_t>(order[static_cast<size_t>(r)])]));
      for (int64_t r = 0; r < top_k; r++) {
        const int64_t want = order[static_cast<size_t>(r)];
        const float index = y[static_cast<size_t>(r)], weight = y[static_cast<size_t>(top_k + r)];
        CHECK(index == static_cast<float>(want), "%lld of %lld, rank %lld: %g, not %lld", static_cast<long long>(top_k),
              static_cast<long long>(experts), static_cast<long long>(r), static_cast<double>(index), static_cast<long long>(want));
        const double share = std::exp(static_cast<double>(logits[static_cast<size_t>(want)])) / total;
        CHECK(std::fabs(static_cast<double>(weight) - share) <= 1e-6 * share, "rank %lld: %g, not %g", static_cast<long long>(r),
              static_cast<double>(weight), share);
      }
    }
  // Whatever the logits are, an index names an expert.
  for (const float bad : {NAN, HUGE_VALF, -HUGE_VALF}) {
    const float logits[] = {bad, 1.0f, bad, 2.0f, bad};
    float y[6];
    k.route(logits, y, 5, 3);
    for (int r = 0; r < 3; r++) CHECK(y[r] >= 0 && y[r] < 5 && y[r] == std::floor(y[r]), "%g", static_cast<double>(y[r]));
  }
}

FAK_TEST(all_finite_sees_every_lane) {
  Random random(7);
  for (int isa = 0; isa < kIsaCount; isa++) {
    if (!isa_present(isa)) continue;
    const FloatKernels k = floats_of(isa);
    for (int64_t n = 1; n <= 40; n++) {
      Floats x(n, 1, random);
      CHECK(k.all_finite(x.at, n), "%s: %lld ordinary floats", kIsaNames[isa], static_cast<long long>(n));
      for (int64_t i = 0; i < n; i++) {
        const float kept = x.at[i];
        for (const float bad : {HUGE_VALF, -HUGE_VALF, NAN}) {
          x.at[i] = bad;
          CHECK(!k.all_finite(x.at, n), "%s: missed %g at %lld of %lld", kIsaNames[isa], static_cast<double>(bad),
                static_cast<long long>(i), static_cast<long long>(n));
        }
        x.at[i] = kept;
      }
    }
  }
}

/// Distance in units of the last place of the wanted value.
double ulps(float got, double want) {
  const float rounded = static_cast<float>(want);
  const double ulp = static_cast<double>(std::nextafterf(std::fabs(rounded), HUGE_VALF)) - std::fabs(static_cast<double>(rounded));
  return std::fabs(static_cast<double>(got) - want) / ulp;
}

FAK_TEST(elementary_functions_are_accurate) {
  const FloatKernels k = floats_of(0);
  const float one = 1.0f, zero = 0.0f;
  double worst_sigmoid = 0, worst_silu = 0, worst_exp = 0, worst_softplus = 0;
  for (float x = -85.0f; x < 85.0f; x += 0.00713f) {
    const double e = std::exp(-static_cast<double>(x));
    float y, beta;
    k.sigmoid_mul(&one, &x, &y, 1);
    worst_sigmoid = std::fmax(worst_sigmoid, ulps(y, 1.0 / (1.0 + e)));
    k.silu_mul(&x, &one, &y, 1);
    worst_silu = std::fmax(worst_silu, ulps(y, static_cast<double>(x) / (1.0 + e)));
    // softplus(30) is 30 exactly, so decay = exp(A * 30).
    const float thirty = 30.0f, A = x / 30.0f;
    k.delta_gates(&thirty, &zero, &A, &zero, &y, &beta, 1);
    worst_exp = std::fmax(worst_exp, ulps(y, std::exp(static_cast<double>(A * 30.0f))));
    // log(exp(softplus)) costs a factor of |softplus| in ulps; below zero the value itself is at stake.
    const float minus = -1.0f;
    k.delta_gates(&x, &zero, &minus, &zero, &y, &beta, 1);
    if (x > -80.0f && x < 80.0f)
      worst_softplus = std::fmax(worst_softplus, std::fabs(static_cast<double>(y) * (1.0 + std::exp(static_cast<double>(x))) - 1.0));
  }
  CHECK(worst_exp < 1.5, "exp: %.3f ulp", worst_exp);
  CHECK(worst_sigmoid < 2.5, "sigmoid: %.3f ulp", worst_sigmoid);
  CHECK(worst_silu < 2.5, "silu: %.3f ulp", worst_silu);
  CHECK(worst_softplus < 1e-5, "exp(-softplus): relative error %.3g", worst_softplus);
}

}  // namespace
