// attention: the step's keys and values go into the caches first (a preparation), then every query attends. Attributes: Hq, Hk, Dk,
// Dv, scale. A unit is a tile of tokens for the query heads that share a key head, or for one of them when there is too little to share.
#include <algorithm>
#include <cstring>

#include "ops/op.h"

namespace fak {

namespace {

/// Tokens that go through a block of keys together.
constexpr int64_t kTileTokens = 16;

struct Shape {
  int64_t Hq, Hk, Dk, Dv;
  float scale;
  explicit Shape(const OpBuilder& b)
      : Hq(b.integer(0)), Hk(b.integer(1)), Dk(b.integer(2)), Dv(b.integer(3)), scale(static_cast<float>(b.number(4))) {}
};

/// Copies the rows of k and v to positions P … P + T - 1 of the caches. A unit is a row.
class CacheAppend final : public Task {
 public:
  explicit CacheAppend(const OpBuilder& b)
      : k_(b.input_id(1)), v_(b.input_id(2)), k_cache_(b.state(0)), v_cache_(b.state(1)), k_width_(b.input(1).columns),
        v_width_(b.input(2).columns) {}

  Work work(const Step& step) const override { return {step.T, static_cast<double>(k_width_ + v_width_) * 0.1}; }

  void run(const Step& step, int64_t begin, int64_t end, int) const override {
    copy(step, k_, k_cache_, k_width_, begin, end);
    copy(step, v_, v_cache_, v_width_, begin, end);
  }

 private:
  static void copy(const Step& step, int from, int cache, int64_t width, int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; row++) {
      const int64_t position = step.P + row;
      float* const page = step.caches[cache][position / kAttentionBlock];
      std::memcpy(page + position % kAttentionBlock * width, step.activations[from] + row * width,
                  static_cast<size_t>(width) * sizeof(float));
    }
  }
  int k_, v_, k_cache_, v_cache_;
  int64_t k_width_, v_width_;
};

class Attention final : public Task {
 public:
  explicit Attention(const OpBuilder& b)
      : shape_(b), q_(b.input_id(0)), y_(b.node.output), k_cache_(b.state(0)), v_cache_(b.state(1)) {
    private_bytes =
        static_cast<size_t>(attention_scratch_floats(kTileTokens * shape_.Hq / shape_.Hk, shape_.Dv)) * sizeof(float);
  }

  Work work(const Step& step) const override {
    const int64_t heads = heads_per_unit(step);
    const double keys = static_cast<double>(step.P + step.T);
    const double queries = static_cast<double>(std::min(step.T, kTileTokens) * heads);
    return {tiles(step) * shape_.Hq / heads, queries * keys * static_cast<double>(shape_.Dk + shape_.Dv) * 0.06};
  }

  void run(const Step& step, int64_t begin, int64_t end, int thread) const override {
    const Shape& s = shape_;
    const int64_t heads = heads_per_unit(step), groups = s.Hq / heads;
    for (int64_t unit = begin; unit < end; unit++) {
      const int64_t head = unit % groups * heads, kv_head = head / (s.Hq / s.Hk), first = unit / groups * kTileTokens;
      AttentionArgs args;
      args.q_token_stride = static_cast<size_t>(s.Hq * s.Dk);
      args.q_head_stride = static_cast<size_t>(s.Dk);
      args.q = step.activations[q_] + (first * s.Hq + head) * s.Dk;
      args.k_stride = static_cast<size_t>(s.Hk * s.Dk);
      args.k_pages = step.caches[k_cache_];
      args.k_offset = static_cast<size_t>(kv_head * s.Dk);
      args.v_stride = static_cast<size_t>(s.Hk * s.Dv);
      args.v_pages = step.caches[v_cache_];
      args.v_offset = static_cast<size_t>(kv_head * s.Dv);
      args.y_token_stride = static_cast<size_t>(s.Hq * s.Dv);
      args.y_head_stride = static_cast<size_t>(s.Dv);
      args.y = step.activations[y_] + (first * s.Hq + head) * s.Dv;
      args.tokens = std::min(kTileTokens, step.T - first);
      args.heads = heads;
      args.position = step.P + first;
      args.Dk = s.Dk;
      args.Dv = s.Dv;
      args.scale = s.scale;
      args.scratch = step.scratch(thread);
      step.kernels->floats.attention(args);
    }
  }

 private:
  int64_t tiles(const Step& step) const { return (step.T + kTileTokens - 1) / kTileTokens; }
  /// Heads of a group read the same keys, so they go together, unless that would leave threads without work.
  int64_t heads_per_unit(const Step& step) const {
    return tiles(step) * shape_.Hk >= step.threads ? shape_.Hq / shape_.Hk : 1;
  }
  Shape shape_;
  int q_, y_, k_cache_, v_cache_;
};

}  // namespace

void make_attention(OpBuilder& b) {
  b.prepare("", [&] { return std::make_unique<CacheAppend>(b); });
  b.planned().main = std::make_unique<Attention>(b);
  b.planned().state_inputs = {1, 2};
}

}  // namespace fak
