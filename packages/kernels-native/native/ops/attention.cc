// attention: the step's keys and values go into the caches first (a preparation), then every query attends. Attributes: Hq, Hk, Dk,
// Dv, scale. Many tokens: a unit is a tile of tokens for the query heads that share a key head, and runs through all their keys. Few
// tokens, as in decoding: a unit is a span of key blocks for all queries of such a group, and leaves the partials of each block to
// the last task, which merges them in block order.
#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "ops/cache_row.h"
#include "ops/op.h"

namespace fak {

namespace {

/// Tokens of a tile: the more, the less often a block of keys is read; fewer where there would be too few tiles for the team.
constexpr int64_t kTileTokens = 16, kFewestTileTokens = 4;

/// Up to so many tokens the blocks are cut between the threads, and their partials kept: at most a tenth of what the cache holds.
constexpr int64_t kFewTokens = 8;

/// Spans of keys for each thread, so that a slow one costs little.
constexpr int64_t kSpansPerThread = 16;

struct Shape {
  int64_t Hq, Hk, Dk, Dv;
  float scale;
  explicit Shape(const OpBuilder& b)
      : Hq(b.integer(0)), Hk(b.integer(1)), Dk(b.integer(2)), Dv(b.integer(3)), scale(static_cast<float>(b.number(4))) {}
  /// Query heads that share a key head.
  int64_t group() const { return Hq / Hk; }

  /// About how many nanoseconds one query takes with one key: two times D multiply-adds.
  double cost() const { return static_cast<double>(Dk + Dv) * 0.02; }
};

constexpr int64_t blocks_of(int64_t keys) { return (keys + kAttentionBlock - 1) / kAttentionBlock; }

/// Partials of some queries in one piece of memory: rows first, which are whole vectors.
constexpr int64_t partial_floats(int64_t queries, int64_t Dv) { return queries * (cache_width(Dv) + 2) + (-2 * queries & 15); }
AttentionPartials partials_at(float* memory, int64_t queries, int64_t Dv) {
  float* const sums = memory + queries * cache_width(Dv);
  return {sums + queries, sums, memory};
}

/// Queries of some tokens and the heads of one group next to each other, filled up with zeros to whole vectors.
void gather_queries(const Shape& s, const float* q, int64_t kv_head, int64_t tokens, float* to) {
  const int64_t width = cache_width(s.Dk);
  for (int64_t t = 0; t < tokens; t++)
    for (int64_t h = 0; h < s.group(); h++, to += width) {
      std::memcpy(to, q + (t * s.Hq + kv_head * s.group() + h) * s.Dk, static_cast<size_t>(s.Dk) * sizeof(float));
      std::memset(to + s.Dk, 0, static_cast<size_t>(width - s.Dk) * sizeof(float));
    }
}

/// Stores the rows of k and v at positions P … P + T - 1 of the caches. A unit is a row.
class CacheAppend final : public Task {
 public:
  explicit CacheAppend(const OpBuilder& b)
      : shape_(b), op_(b.op), k_(b.input_id(1)), v_(b.input_id(2)), k_cache_(b.state(0)), v_cache_(b.state(1)) {}

  bool by_sequence() const override { return true; }
  Work work(const Step& step) const override {
    return {step.T, static_cast<double>(shape_.Hk) * shape_.cost() * (step.cache_type == CacheType::F32 ? 5 : 50)};
  }

  void run(const Step& step, int64_t begin, int64_t end, int) const override {
    const bool all = store(step, k_, k_cache_, shape_.Dk, begin, end) && store(step, v_, v_cache_, shape_.Dv, begin, end);
    if (!all) step.failure->report(Outcome::CacheRange, op_);
  }

 private:
  bool store(const Step& step, int from, int cache, int64_t D, int64_t begin, int64_t end) const {
    const size_t head_bytes = cache_head_bytes(step.cache_type, D);
    bool all = true;
    for (int64_t row = begin; row < end; row++) {
      const int64_t position = step.P + row;
      uint8_t* page = step.caches[cache][position / kAttentionBlock];
      const float* x = step.activations[from] + row * shape_.Hk * D;
      for (int64_t h = 0; h < shape_.Hk; h++, page += head_bytes, x += D)
        all &= store_cache_row(step.cache_type, x, D, page, position % kAttentionBlock);
    }
    return all;
  }
  Shape shape_;
  int op_, k_, v_, k_cache_, v_cache_;
};

class Attention final : public Task {
 public:
  explicit Attention(const OpBuilder& b)
      : shape_(b), q_(b.input_id(0)), y_(b.node.output), k_cache_(b.state(0)), v_cache_(b.state(1)) {
    private_bytes = static_cast<size_t>(scratch_floats(kTileTokens)) * sizeof(float);
  }

  /// Whether the last task has partials to merge.
  static bool split(const Step& step) { return step.T <= kFewTokens && step.threads > 1; }

  size_t partial_bytes(const Step& step) const override {
    if (!split(step)) return 0;
    return static_cast<size_t>(blocks_of(step.P + step.T) * shape_.Hk * group_floats(step)) * sizeof(float);
  }

  /// Floats of the partials of one block and one group.
  int64_t group_floats(const Step& step) const { return partial_floats(step.T * shape_.group(), shape_.Dv); }

  bool by_sequence() const override { return true; }
  Work work(const Step& step) const override {
    const double keys = static_cast<double>(step.P + step.T), all = static_cast<double>(step.T * shape_.Hq) * keys * shape_.cost();
    const int64_t units = split(step) ? spans(step) * shape_.Hk : tiles(step) * shape_.Hk;
    return {units, all / static_cast<double>(units)};
  }

  void run(const Step& step, int64_t begin, int64_t end, int thread) const override {
    for (int64_t unit = begin; unit < end; unit++) {
      if (split(step)) {
        run_span(step, unit / shape_.Hk, unit % shape_.Hk, step.scratch(thread));
      } else {
        run_tile(step, unit / shape_.Hk * tile_tokens(step), unit % shape_.Hk, step.scratch(thread));
      }
    }
  }

 private:
  /// Queries, leaf scratch, and twice the partials: of all blocks so far and of one.
  int64_t scratch_floats(int64_t tokens) const {
    const int64_t queries = tokens * shape_.group();
    return queries * cache_width(shape_.Dk) + attention_scratch_floats(queries, shape_.Dk, shape_.Dv) +
           2 * partial_floats(queries, shape_.Dv);
  }

  AttentionBlockArgs args_of(const Step& step, int64_t tokens, float* scratch) const {
    AttentionBlockArgs args{};
    args.type = step.cache_type;
    args.q = scratch;
    args.tokens = tokens;
    args.heads = shape_.group();
    args.Dk = shape_.Dk;
    args.Dv = shape_.Dv;
    args.scale = shape_.scale;
    args.scratch = scratch + tokens * args.heads * cache_width(shape_.Dk);
    return args;
  }

  void set_block(AttentionBlockArgs& args, const Step& step, int64_t block, int64_t kv_head) const {
    const bool more = (block + 1) * kAttentionBlock < step.P + step.T;
    args.next_k = step.caches[k_cache_][more ? block + 1 : block] + static_cast<size_t>(kv_head) * cache_head_bytes(step.cache_type, shape_.Dk);
    args.k = step.caches[k_cache_][block] + static_cast<size_t>(kv_head) * cache_head_bytes(step.cache_type, shape_.Dk);
    args.v = step.caches[v_cache_][block] + static_cast<size_t>(kv_head) * cache_head_bytes(step.cache_type, shape_.Dv);
  }

  /// Leaves out the tokens that lie before the block: `first` is the position of the first token.
  int64_t skip_blind(AttentionBlockArgs& args, int64_t first, int64_t start) const {
    const int64_t skipped = std::max<int64_t>(0, start - first), queries = skipped * args.heads;
    args.q += queries * cache_width(shape_.Dk);
    args.tokens -= skipped;
    args.seen = first + skipped + 1 - start;
    args.out.maxima += queries;
    args.out.sums += queries;
    args.out.rows += queries * cache_width(shape_.Dv);
    return skipped;
  }

  void run_span(const Step& step, int64_t span, int64_t kv_head, float* scratch) const {
    const int64_t blocks = blocks_of(step.P + step.T);
    const int64_t begin = span * blocks / spans(step), end = (span + 1) * blocks / spans(step);
    if (begin == end) return;
    gather_queries(shape_, step.activations[q_], kv_head, step.T, scratch);
    const AttentionBlockArgs all = args_of(step, step.T, scratch);
    float* const partials = reinterpret_cast<float*>(step.partials[y_]);
    for (int64_t block = begin; block < end; block++) {
      AttentionBlockArgs args = all;
      set_block(args, step, block, kv_head);
      args.out = partials_at(partials + (block * shape_.Hk + kv_head) * group_floats(step), step.T * args.heads, shape_.Dv);
      skip_blind(args, step.P, block * kAttentionBlock);
      step.kernels->floats.attention_block(args);
    }
  }

  void run_tile(const Step& step, int64_t first, int64_t kv_head, float* scratch) const {
    const FloatKernels& kernels = step.kernels->floats;
    const int64_t tokens = std::min(tile_tokens(step), step.T - first), queries = tokens * shape_.group();
    gather_queries(shape_, step.activations[q_] + first * shape_.Hq * shape_.Dk, kv_head, tokens, scratch);
    const AttentionBlockArgs all = args_of(step, tokens, scratch);
    float* const memory = all.scratch + attention_scratch_floats(queries, shape_.Dk, shape_.Dv);
    const AttentionPartials so_far = partials_at(memory, queries, shape_.Dv);
    const AttentionPartials of_block = partials_at(memory + partial_floats(queries, shape_.Dv), queries, shape_.Dv);
    const int64_t position = step.P + first;
    for (int64_t block = 0; block < blocks_of(position + tokens); block++) {
      AttentionBlockArgs args = all;
      set_block(args, step, block, kv_head);
      args.out = block == 0 ? so_far : of_block;
      const int64_t skipped = skip_blind(args, position, block * kAttentionBlock) * shape_.group();
      kernels.attention_block(args);
      if (block == 0) continue;
      const AttentionPartials before = {so_far.maxima + skipped, so_far.sums + skipped,
                                        so_far.rows + skipped * cache_width(shape_.Dv)};
      kernels.attention_merge(before, args.out, queries - skipped, shape_.Dv);
    }
    for (int64_t query = 0; query < queries; query++) {
      const int64_t head = kv_head * shape_.group() + query % shape_.group(), token = first + query / shape_.group();
      kernels.attention_output(so_far.rows + query * cache_width(shape_.Dv), so_far.sums[query],
                               step.activations[y_] + (token * shape_.Hq + head) * shape_.Dv, shape_.Dv);
    }
  }

  int64_t spans(const Step& step) const { return kSpansPerThread * step.threads; }
  int64_t tile_tokens(const Step& step) const {
    int64_t tokens = kTileTokens;
    while (tokens > kFewestTileTokens && (step.T + tokens - 1) / tokens * shape_.Hk < 4 * step.threads) tokens /= 2;
    return tokens;
  }
  int64_t tiles(const Step& step) const { return (step.T + tile_tokens(step) - 1) / tile_tokens(step); }

  Shape shape_;
  int q_, y_, k_cache_, v_cache_;
};

/// Merges the partials that spans of keys left. A unit is a query of one token and head.
class AttentionMerge final : public Task {
 public:
  AttentionMerge(const OpBuilder& b, const Attention& attention)
      : shape_(b), y_(b.node.output), attention_(attention) {}

  bool by_sequence() const override { return true; }
  Work work(const Step& step) const override {
    if (!Attention::split(step)) return {0, 0};
    const double blocks = static_cast<double>(blocks_of(step.P + step.T));
    return {step.T * shape_.Hq, blocks * static_cast<double>(shape_.Dv) * 0.15};
  }

  void run(const Step& step, int64_t begin, int64_t end, int) const override {
    const FloatKernels& kernels = step.kernels->floats;
    const int64_t floats = attention_.group_floats(step), queries = step.T * shape_.group();
    float* const partials = reinterpret_cast<float*>(step.partials[y_]);
    for (int64_t unit = begin; unit < end; unit++) {
      const int64_t token = unit / shape_.Hq, head = unit % shape_.Hq, kv_head = head / shape_.group();
      const int64_t query = token * shape_.group() + head % shape_.group();
      const auto of_block = [&](int64_t block) {
        const AttentionPartials all = partials_at(partials + (block * shape_.Hk + kv_head) * floats, queries, shape_.Dv);
        return AttentionPartials{all.maxima + query, all.sums + query, all.rows + query * cache_width(shape_.Dv)};
      };
      const AttentionPartials first = of_block(0);
      for (int64_t block = 1; block < blocks_of(step.P + token + 1); block++)
        kernels.attention_merge(first, of_block(block), 1, shape_.Dv);
      kernels.attention_output(first.rows, *first.sums, step.activations[y_] + unit * shape_.Dv, shape_.Dv);
    }
  }

 private:
  Shape shape_;
  int y_;
  const Attention& attention_;
};

}  // namespace

void make_attention(OpBuilder& b) {
  const Shape shape(b);
  const StateInfo &k = b.program.states[static_cast<size_t>(b.state(0))], &v = b.program.states[static_cast<size_t>(b.state(1))];
  if (k.heads != shape.Hk || k.elements != shape.Hk * shape.Dk || v.heads != shape.Hk || v.elements != shape.Hk * shape.Dv)
    throw std::runtime_error("ops that share a KV cache must agree on its heads");
  b.prepare("", [&] { return std::make_unique<CacheAppend>(b); });
  auto attention = std::make_unique<Attention>(b);
  b.planned().last = std::make_unique<AttentionMerge>(b, *attention);
  b.planned().main = std::move(attention);
  b.planned().state_inputs = {1, 2};
}

}  // namespace fak
