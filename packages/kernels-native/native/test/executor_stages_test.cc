// How often all threads meet in a step: the stages that one more layer of each kind takes. Decoding pays for every one of them.
#include "executor/fuse.h"
#include "executor_program.h"
#include "isa/cpu.h"

using namespace fak;
using namespace fak::test;

namespace {

enum class Mixer { Attention, DeltaNet };

/// Layers as the model records them: a mixer and a feed-forward block, each behind a norm and with a residual sum.
Recorder record_layers(const std::vector<Mixer>& layers) {
  Recorder r(3);
  const auto linear = [&](int x, int64_t from, int64_t to, int64_t rows = RowCount::kT) {
    return r.op("linear", {x, r.weight(to, from, -0.3f, 0.3f)}, to, {}, {}, rows);
  };
  const auto norm = [&](int x, int64_t columns, int64_t d, int64_t rows = RowCount::kT) {
    return r.op("rmsNorm", {x, r.weight(1, d, 0.5f, 1.5f)}, columns, {1e-6}, {}, rows);
  };
  const auto attention = [&](int x) {
    const int64_t Hq = 4, Hk = 2, D = 20;
    const int both = linear(x, kHidden, Hq * 2 * D);
    const int q = norm(r.op("sliceHeads", {both}, Hq * D, {4, 2.0 * D, 0, D * 1.0}), Hq * D, D);
    const int gate = r.op("sliceHeads", {both}, Hq * D, {4, 2.0 * D, D * 1.0, D * 1.0});
    const int k = norm(linear(x, kHidden, Hk * D), Hk * D, D), v = linear(x, kHidden, Hk * D);
    const int mixed = r.op("attention", {r.op("rope", {q}, Hq * D, {4, 20, 6, 1e4}), r.op("rope", {k}, Hk * D, {2, 20, 6, 1e4}), v}, Hq * D,
                           {4, 2, 20, 20, 0.22}, {r.state(true, Hk * D, 2), r.state(true, Hk * D, 2)});
    return linear(r.op("sigmoidMul", {mixed, gate}, Hq * D), Hq * D, kHidden);
  };
  const auto delta_net = [&](int x) {
    const int64_t Hk = 2, Hv = 4, Dk = 12, Dv = 33, C = 2 * Hk * Dk + Hv * Dv;
    const int conv = r.op("causalConv1d", {linear(x, kHidden, C), r.weight(C, 4, -0.6f, 0.6f)}, C, {0}, {r.state(false, 3 * C)});
    const int delta = r.op("gatedDelta",
                           {conv, linear(x, kHidden, Hv), linear(x, kHidden, Hv), r.weight(1, Hv, -2, -0.01f), r.weight(1, Hv, -1, 1)},
                           Hv * Dv, {2, 4, 12, 33, 1, 1e-6}, {r.state(false, Hv * Dv * Dk)});
    return linear(r.op("gatedRmsNorm", {delta, linear(x, kHidden, Hv * Dv), r.weight(1, Dv, 0.5f, 1.5f)}, Hv * Dv, {1e-6}), Hv * Dv, kHidden);
  };
  int x = r.op("embedding", {r.tokens(), r.weight(kVocabulary, kHidden, -1, 1)}, kHidden);
  for (const Mixer layer : layers) {
    const int n = norm(x, kHidden, kHidden);
    x = r.op("add", {x, layer == Mixer::Attention ? attention(n) : delta_net(n)}, kHidden);
    const int m = norm(x, kHidden, kHidden);
    x = r.op("add", {x, linear(r.op("siluMul", {linear(m, kHidden, 56), linear(m, kHidden, 56)}, 56), 56, kHidden)}, kHidden);
  }
  const int last = norm(r.op("lastRows", {x}, kHidden, {}, {}, RowCount::kR), kHidden, kHidden, RowCount::kR);
  r.program.pinned = {linear(last, kHidden, kVocabulary, RowCount::kR)};
  return r;
}

/// Stages of the second of two equal layers: what layers share is made ready for the first.
size_t stages_of(Mixer mixer) {
  const auto stages = [](const std::vector<Mixer>& layers) {
    const Recorder model = record_layers(layers);
    const Program program = fuse(model.program);
    return make_schedule(program, make_tasks(program, kernel_table(0)), true).size();
  };
  return stages({mixer, mixer}) - stages({mixer});
}

FAK_TEST(stages_of_a_layer) {
  const size_t attention = stages_of(Mixer::Attention), delta_net = stages_of(Mixer::DeltaNet);
  CHECK(attention == 11, "an attention layer takes %zu stages", attention);
  CHECK(delta_net == 8, "a delta-net layer takes %zu stages", delta_net);
}

FAK_TEST(normed_heads_are_turned_to_the_same_bits) {
  const Recorder model = record_layers({Mixer::Attention, Mixer::DeltaNet, Mixer::Attention});
  Program plain = model.program;
  for (const OpNode& op : plain.ops)
    if (op.output != plain.pinned[0]) plain.pinned.push_back(op.output);
  const std::vector<uint32_t> tokens = some_tokens(60);
  for (const int isa : {0, best_isa()})
    for (const int threads : {1, 3}) {
      Prepared apart(plain, {}, kernel_table(isa), std::make_shared<Team>(threads));
      Prepared fused(model.program, {}, kernel_table(isa), std::make_shared<Team>(threads));
      const std::unique_ptr<State> a = apart.create_state(), b = fused.create_state();
      for (int64_t at = 0; at < 60; at += 20) {
        const std::vector<uint32_t> part(tokens.begin() + at, tokens.begin() + at + 20);
        std::vector<float> want, got;
        Batch request = request_for(apart, *a, at, part, want);
        std::vector<std::vector<float>> taps;
        for (size_t i = 1; i < plain.pinned.size(); i++) {
          const Value& value = plain.values[static_cast<size_t>(plain.pinned[i])];
          taps.emplace_back(static_cast<size_t>(value.rows.of(20, 20) * value.columns));
          request.pinned.push_back(taps.back().data());
        }
        CHECK(run(apart, request).outcome == Outcome::Done, "op by op");
        CHECK(run(fused, request_for(fused, *b, at, part, got)).outcome == Outcome::Done, "fused");
        CHECK(std::memcmp(want.data(), got.data(), want.size() * sizeof(float)) == 0, "%s, %d threads, from token %lld", kIsaNames[isa],
              threads, static_cast<long long>(at));
      }
    }
}

}  // namespace
