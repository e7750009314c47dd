// Fusing changes no bit: programs run as they are, which they do when every value is pinned, beside the same programs fused.
#include <algorithm>
#include <map>
#include <vector>

#include "executor/fuse.h"
#include "executor_model.h"
#include "isa/cpu.h"
#include "linear_samples.h"

using namespace fak;
using namespace fak::test;

namespace {

/// Every value that an op writes.
std::vector<int> activations(const Program& program) {
  std::vector<int> all;
  for (const OpNode& op : program.ops) all.push_back(op.output);
  return all;
}

/// The bits of all pinned values of the tokens, run in steps of `chunk`, one step after the other; the rows wanted are all, or the last.
std::map<int, std::vector<float>> run_pinned(const Program& program, int isa, int threads, const std::vector<uint32_t>& tokens,
                                             int64_t chunk, bool all_rows) {
  Prepared prepared(program, {}, kernel_table(isa), std::make_shared<Team>(threads));
  const std::unique_ptr<State> state = prepared.create_state();
  std::map<int, std::vector<float>> values;
  for (int64_t at = 0; at < static_cast<int64_t>(tokens.size()); at += chunk) {
    Request request;
    request.state = state.get();
    request.position = at;
    request.tokens = tokens.data() + at;
    request.count = std::min<int64_t>(chunk, static_cast<int64_t>(tokens.size()) - at);
    request.rows = all_rows ? request.count : 1;
    Batch batch{{request}, {}};
    std::map<int, std::vector<float>> step;
    for (const int id : program.pinned) {
      const Value& value = program.values[static_cast<size_t>(id)];
      step[id].assign(static_cast<size_t>(value.rows.of(request.count, request.rows) * value.columns), NAN);
      batch.pinned.push_back(step[id].data());
    }
    const Response response = run(prepared, batch);
    CHECK(response.outcome == Outcome::Done, "outcome %u at op %d", static_cast<unsigned>(response.outcome), response.op);
    for (const auto& [id, floats] : step) values[id].insert(values[id].end(), floats.begin(), floats.end());
  }
  return values;
}

void check_fused(const Recorder& model) {
  const std::vector<uint32_t> tokens = some_tokens(60);
  const int logits = model.program.pinned[0];
  Program plain = model.program, fused = model.program;
  plain.pinned = activations(plain);
  CHECK(fuse(plain).ops.size() == plain.ops.size(), "a program whose every value is pinned stays as it is");
  for (const bool all_rows : {true, false})
    for (const int64_t chunk : {1, 7, 48}) {
      std::map<int, std::vector<float>> want = run_pinned(plain, 0, 2, tokens, chunk, all_rows);
      const auto check = [&](const Program& program, int isa, int threads) {
        for (const auto& [id, got] : run_pinned(program, isa, threads, tokens, chunk, all_rows)) {
          const bool same = got.size() == want[id].size() && std::memcmp(got.data(), want[id].data(), got.size() * sizeof(float)) == 0;
          CHECK(same, "value %d, %s, %d threads, chunks of %lld, value %d pinned", id, kIsaNames[isa], threads,
                static_cast<long long>(chunk), program.pinned.back());
        }
      };
      for (int isa = 0; isa < kIsaCount; isa++)
        for (const int threads : {1, 2, 5})
          if (isa_present(isa)) check(fused, isa, threads);
      // A value that the caller wants is there, whatever would have become of it.
      for (const int id : activations(plain)) {
        if (id == logits) continue;
        Program tapped = model.program;
        tapped.pinned.push_back(id);
        check(tapped, best_isa(), 2);
      }
    }
}

/// Linears of stored types in every activation format, several for one x, and results that are given in pieces, the last one short.
Recorder record_quantized() {
  Recorder r(5);
  Random random(6);
  const int64_t hidden = 256, Hk = 2, Hv = 8, Dk = 16, Dv = 64, C = 2 * Hk * Dk + Hv * Dv;
  const auto weight = [&](DType type, int64_t from, int64_t to) {
    return r.stored_weight(type, weight_sample(type, to, from, Sample::Plain, random), from);
  };
  const auto linear = [&](int x, DType type, int64_t from, int64_t to, int64_t rows = RowCount::kT) {
    return r.op("linear", {x, weight(type, from, to)}, to, {}, {}, rows);
  };
  const auto norm = [&](int x, int64_t rows = RowCount::kT) {
    return r.op("rmsNorm", {x, r.weight(1, hidden, 0.01f, 0.02f)}, hidden, {1e-6}, {}, rows);
  };
  int x = r.op("embedding", {r.tokens(), r.weight(kVocabulary, hidden, -1, 1)}, hidden);
  for (const bool tiled : {true, false}) {
    const int n = norm(x);
    const int mixed = r.op("causalConv1d", {linear(n, DType::Q4_K, hidden, C), r.weight(C, 4, -0.6f, 0.6f)}, C, {0}, {r.state(false, 3 * C)});
    const int delta = r.op("gatedDelta",
                           {mixed, linear(n, DType::Q8_0, hidden, Hv), linear(n, DType::F32, hidden, Hv), r.weight(1, Hv, -2, -0.01f),
                            r.weight(1, Hv, -1, 1)},
                           Hv * Dv, {2, 8, 16, 64, tiled ? 1.0 : 0.0, 1e-6}, {r.state(false, Hv * Dv * Dk)});
    const int z = linear(n, DType::Q6_K, hidden, Hv * Dv);
    const int gated = r.op("gatedRmsNorm", {delta, z, r.weight(1, Dv, 0.5f, 1.5f)}, Hv * Dv, {1e-6});
    x = r.op("add", {x, linear(gated, tiled ? DType::Q6_K : DType::Q8_0, Hv * Dv, hidden)}, hidden);
    const int64_t ff = tiled ? 768 : 544;
    const int m = norm(x), act = r.op("siluMul", {linear(m, DType::Q4_K, hidden, ff), linear(m, DType::Q8_0, hidden, ff)}, ff);
    x = r.op("add", {linear(act, tiled ? DType::Q4_K : DType::Q8_0, ff, hidden), x}, hidden);
  }
  const int last = norm(r.op("lastRows", {x}, hidden, {}, {}, RowCount::kR), RowCount::kR);
  r.program.pinned = {linear(last, DType::Q6_K, hidden, kVocabulary, RowCount::kR)};
  return r;
}

FAK_TEST(fusing_changes_no_bit) { check_fused(record_model()); }
FAK_TEST(fusing_quantized_changes_no_bit) { check_fused(record_quantized()); }

FAK_TEST(fusing_joins_chains) {
  const Recorder model = record_model();
  const Program fused = fuse(model.program);
  const auto count = [&](const std::string& kind, bool inlined) {
    return std::count_if(fused.ops.begin(), fused.ops.end(),
                         [&](const OpNode& op) { return op.inlined == inlined && kind == kind_of(op).name; });
  };
  CHECK(count("deltaNet", false) == 1 && count("gatedLinear", false) == 1, "mixer and feed-forward block are joined");
  CHECK(count("add", false) == 0, "residual sums belong to the linears before them");
  for (const char* kind : {"rmsNorm", "sigmoidMul", "lastRows"})
    CHECK(count(kind, false) == 0 && count(kind, true) > 0, "%s belongs to the linears behind it", kind);
}

}  // namespace
