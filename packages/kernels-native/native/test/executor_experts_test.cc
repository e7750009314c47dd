// Mixture of experts on the executor: expertLinear gives the bits that `linear` gives with each chosen expert's matrix, for every stored
// type, shape, grouping, team and instruction set; a whole block has one hash; bad routes end the step and are never followed.
#include <string>
#include <vector>

#include "executor_program.h"
#include "isa/cpu.h"
#include "linear_samples.h"

using namespace fak;
using namespace fak::test;

namespace {

struct Shape {
  int64_t experts, top_k, rows, blocks;
};

/// How the rows of a step are spread over the experts.
enum class Spread {
  Random,   ///< any distinct experts; with many experts some get nothing
  Same,     ///< the same experts for every row: all tokens on them
  Repeated, ///< one expert in every slot, which `route` never gives but a Program may
};

/// Table of routes [vocabulary, 2 top_k]; the weights are not read here.
std::vector<float> routes_table(const Shape& shape, Spread spread, Random& random) {
  std::vector<float> table(static_cast<size_t>(kVocabulary * 2 * shape.top_k), 0.5f);
  std::vector<int64_t> order(static_cast<size_t>(shape.experts));
  for (size_t i = 0; i < order.size(); i++) order[i] = static_cast<int64_t>(i);
  for (int64_t token = 0; token < kVocabulary; token++) {
    if (spread != Spread::Same || token == 0)
      for (size_t i = order.size(); i-- > 1;) std::swap(order[i], order[random.next() % (i + 1)]);
    for (int64_t r = 0; r < shape.top_k; r++)
      table[static_cast<size_t>(token * 2 * shape.top_k + r)] =
          static_cast<float>(order[spread == Spread::Repeated ? 0 : static_cast<size_t>(r)]);
  }
  return table;
}

/// One expertLinear between two embeddings and the output.
struct OneOp {
  OneOp(DType type, const Shape& shape, bool per_slot, Spread spread, uint64_t seed)
      : shape(shape), type(type), per_slot(per_slot), recorder(seed), random(seed) {
    // A count of blocks; for float rows a length with a tail.
    k = info(type).block_elements == 1 ? 16 * shape.blocks + 5 : shape.blocks * info(type).block_elements;
    for (int64_t e = 0; e < shape.experts; e++) parts.push_back(weight_sample(type, shape.rows, k, Sample::Plain, random));
    routes = routes_table(shape, spread, random);
    const int64_t x_columns = per_slot ? shape.top_k * k : k;
    for (int64_t i = 0; i < kVocabulary; i++)
      for (const float value : activation_sample(x_columns, Sample::Plain, random)) x.push_back(value);
    const int tokens = recorder.tokens();
    const int x_id = recorder.op("embedding", {tokens, recorder.table(x, x_columns)}, x_columns);
    const int routes_id = recorder.op("embedding", {tokens, recorder.table(routes, 2 * shape.top_k)}, 2 * shape.top_k);
    const int y = recorder.op("expertLinear", {x_id, routes_id, recorder.stack(type, parts, k)}, shape.top_k * shape.rows,
                              {static_cast<double>(shape.top_k), per_slot ? 1.0 : 0.0});
    recorder.program.pinned = {y};
  }

  /// The output row of a token: the scalar kernel of `linear` on one slot after the other.
  std::vector<float> expected(uint32_t token) const {
    const LinearKernels& kernels = kernel_table(0).linear[static_cast<int>(type)];
    Aligned row(activation_row_bytes(kernels.activation, k));
    std::vector<float> y(static_cast<size_t>(shape.top_k * shape.rows));
    for (int64_t r = 0; r < shape.top_k; r++) {
      const int64_t slot = per_slot ? token * shape.top_k + r : token;
      kernel_table(0).quantize_row[static_cast<int>(kernels.activation)](x.data() + slot * k, row.data(), k);
      const auto expert = static_cast<size_t>(routes[token * 2 * static_cast<size_t>(shape.top_k) + static_cast<size_t>(r)]);
      kernels.linear({parts[expert].data(), row_bytes(type, k), row.data(), 0, y.data() + r * shape.rows, 0, shape.rows, 1, k});
    }
    return y;
  }

  Shape shape;
  DType type;
  bool per_slot;
  Recorder recorder;
  Random random;
  int64_t k;
  std::vector<std::vector<uint8_t>> parts;
  std::vector<float> routes, x;
};

void compare(const OneOp& op, int isa, int threads, const std::vector<int64_t>& counts) {
  std::vector<std::vector<float>> rows;
  for (uint32_t token = 0; token < kVocabulary; token++) rows.push_back(op.expected(token));
  Prepared prepared(op.recorder.program, {}, kernel_table(isa), std::make_shared<Team>(threads));
  for (const int64_t count : counts) {
    const std::vector<uint32_t> tokens = some_tokens(count);
    const std::vector<float> got = logits(prepared, tokens, count);
    for (size_t t = 0; t < tokens.size(); t++) {
      const std::vector<float>& want = rows[tokens[t]];
      const int64_t columns = static_cast<int64_t>(want.size());
      const int64_t i = first_difference(want.data(), got.data() + static_cast<int64_t>(t) * columns, columns);
      CHECK(i < 0, "%s %s, %d threads, %lld experts, top %lld, %lld x %lld, %s, %lld tokens: row %zu, element %lld", kIsaNames[isa],
            info(op.type).name, threads, static_cast<long long>(op.shape.experts), static_cast<long long>(op.shape.top_k),
            static_cast<long long>(op.shape.rows), static_cast<long long>(op.k), op.per_slot ? "per slot" : "shared",
            static_cast<long long>(count), t, static_cast<long long>(i));
    }
  }
}

FAK_TEST(experts_equal_linear_for_every_type) {
  for (int isa = 0; isa < kIsaCount; isa++) {
    if (!isa_present(isa)) continue;
    for (int t = 0; t < kDTypeCount; t++)
      for (const bool per_slot : {false, true}) {
        if (brief() && per_slot != (t % 2 == 0)) continue;
        const OneOp op(static_cast<DType>(t), {6, 3, 70, 3}, per_slot, Spread::Random, static_cast<uint64_t>(t));
        compare(op, isa, 2, {1, 2, 17, kMaxTokens});
      }
  }
}

FAK_TEST(experts_equal_linear_for_every_shape) {
  const Shape shapes[] = {{1, 1, 1, 1}, {1, 1, 33, 2}, {4, 4, 31, 1}, {40, 1, 32, 2}, {40, 8, 5, 1}, {3, 2, 200, 1}, {9, 8, 97, 5}};
  uint64_t seed = 50;
  for (const Shape& shape : shapes)
    for (const Spread spread : {Spread::Random, Spread::Same, Spread::Repeated})
      for (const bool per_slot : {false, true})
        for (const int threads : {1, 3, 8}) {
          if (brief() && spread != Spread::Repeated) continue;
          const DType type = threads == 1 ? DType::F32 : threads == 3 ? DType::Q8_0 : DType::Q4_K;
          compare(OneOp(type, shape, per_slot, spread, seed++), best_isa(), threads, {1, 2, 3, 20, kMaxTokens});
        }
}

FAK_TEST(experts_with_more_rows_than_scratch) {
  // 48 rows in 24 equal slots are 1152 columns of one expert.
  compare(OneOp(DType::Q4_0, {2, 24, 65, 1}, true, Spread::Repeated, 90), best_isa(), 2, {kMaxTokens});
  compare(OneOp(DType::BF16, {2, 24, 65, 1}, false, Spread::Repeated, 91), best_isa(), 3, {kMaxTokens});
}

FAK_TEST(bad_routes_end_the_step) {
  for (const float bad : {-1.0f, -0.5f, 0.25f, 6.0f, 1e30f, -1e30f, 3e9f}) {
    OneOp op(DType::F32, {6, 3, 40, 1}, true, Spread::Random, 7);
    // The second table is that of the routes.
    op.recorder.weights[1][5 * 6 + 2] = bad;
    Prepared prepared(op.recorder.program, {}, kernel_table(best_isa()), std::make_shared<Team>(2));
    const std::unique_ptr<State> owned = prepared.create_state();
    State& state = *owned;
    std::vector<float> out;
    for (const std::vector<uint32_t>& tokens : {std::vector<uint32_t>{5}, std::vector<uint32_t>{1, 2, 3, 5, 4}}) {
      const Response response = run(prepared, request_for(prepared, state, 0, tokens, out));
      CHECK(response.outcome == Outcome::NonFinite && response.op == 2, "index %g: outcome %u at op %d", static_cast<double>(bad),
            static_cast<unsigned>(response.outcome), response.op);
    }
    CHECK(run(prepared, request_for(prepared, state, 0, {1, 2}, out)).outcome == Outcome::Done, "rows that are in order");
  }
}

/// A decoder's mixture-of-experts block and a head: router, chosen experts, a shared expert with its gate. Three experts get no token.
Recorder record_block() {
  Recorder r(77);
  constexpr int64_t kExperts = 11, kTopK = 3, kWidth = 512, kInner = 256;
  const auto linear = [&](int x, int64_t from, int64_t to) {
    return r.op("linear", {x, r.weight(to, from, -0.2f, 0.2f)}, to);
  };
  Random random(78);
  const auto stack = [&](DType type, int64_t rows, int64_t columns) {
    std::vector<std::vector<uint8_t>> parts;
    for (int64_t e = 0; e < kExperts; e++) parts.push_back(weight_sample(type, rows, columns, Sample::Plain, random));
    return r.stack(type, std::move(parts), columns);
  };
  const int x = r.op("embedding", {r.tokens(), r.weight(kVocabulary, kWidth, -1, 1)}, kWidth);
  const int n = r.op("rmsNorm", {x, r.weight(1, kWidth, 0.5f, 1.5f)}, kWidth, {1e-6});
  const int routes = r.op("route", {linear(n, kWidth, kExperts)}, 2 * kTopK, {kTopK});
  const auto experts = [&](int input, int weight, int64_t rows, double per_slot) {
    return r.op("expertLinear", {input, routes, weight}, kTopK * rows, {kTopK, per_slot});
  };
  const int gate = experts(n, stack(DType::Q4_K, kInner, kWidth), kInner, 0);
  const int up = experts(n, stack(DType::Q5_K, kInner, kWidth), kInner, 0);
  const int act = r.op("siluMul", {gate, up}, kTopK * kInner);
  const int down = experts(act, stack(DType::Q6_K, kWidth, kInner), kWidth, 1);
  const int routed = r.op("combineExperts", {down, routes}, kWidth, {kTopK});
  const int shared = linear(r.op("siluMul", {linear(n, kWidth, kInner), linear(n, kWidth, kInner)}, kInner), kInner, kWidth);
  const int y = r.op("gatedAdd", {routed, shared, linear(n, kWidth, 1)}, kWidth);
  const int last = r.op("lastRows", {r.op("add", {x, y}, kWidth)}, kWidth, {}, {}, RowCount::kR);
  r.program.pinned = {r.op("linear", {last, r.weight(kVocabulary, kWidth, -0.2f, 0.2f)}, kVocabulary, {}, {}, RowCount::kR)};
  // gate and up in one phase, as the planner has it.
  std::vector<std::vector<int>>& phases = r.program.phases;
  phases[4].push_back(phases[5][0]);
  phases.erase(phases.begin() + 5);
  return r;
}

/// See kGoldenHash in executor_test.cc.
constexpr uint64_t kGoldenBlockHash = 0x99e933d7ef209210;

FAK_TEST(experts_one_hash) {
  check_one_hash(record_block(), kGoldenBlockHash);
}

FAK_TEST(routers_that_are_not_numbers_are_named) {
  Recorder r(3);
  // Sums of the largest floats are infinite, and nothing before `route` looks at them.
  const int x = r.op("embedding", {r.tokens(), r.table(std::vector<float>(kVocabulary * 4, 3e38f), 4)}, 4);
  const int routes = r.op("route", {r.op("add", {x, x}, 4)}, 4, {2});
  std::vector<std::vector<uint8_t>> parts(4, std::vector<uint8_t>(4 * 4 * sizeof(float)));
  r.program.pinned = {r.op("expertLinear", {x, routes, r.stack(DType::F32, parts, 4)}, 8, {2, 0})};
  Prepared prepared(r.program, {}, kernel_table(best_isa()), std::make_shared<Team>(2));
  const std::unique_ptr<State> owned = prepared.create_state();
  State& state = *owned;
  std::vector<float> out;
  const Response response = run(prepared, request_for(prepared, state, 0, {1, 2, 3}, out));
  CHECK(response.outcome == Outcome::NonFinite && response.op == 1, "outcome %u at op %d", static_cast<unsigned>(response.outcome),
        response.op);
}

}  // namespace
