// Fusing changes no bit: programs run as they are, which they do when every value is pinned, beside the same programs fused.
#include <algorithm>
#include <map>
#include <vector>

#include "executor/fuse.h"
#include "executor_model.h"
#include "isa/cpu.h"

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
    std::map<int, std::vector<float>> step;
    for (const int id : program.pinned) {
      const Value& value = program.values[static_cast<size_t>(id)];
      step[id].assign(static_cast<size_t>(value.rows.of(request.count, request.rows) * value.columns), NAN);
      request.pinned.push_back(step[id].data());
    }
    const Response response = run(prepared, request);
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

FAK_TEST(fusing_changes_no_bit) { check_fused(record_model()); }

FAK_TEST(fusing_joins_chains) {
  const Recorder model = record_model();
  const Program fused = fuse(model.program);
  const auto count = [&](const std::string& kind, bool inlined) {
    return std::count_if(fused.ops.begin(), fused.ops.end(),
                         [&](const OpNode& op) { return op.inlined == inlined && kind == kind_of(op).name; });
  };
  CHECK(count("add", false) == 0, "residual sums belong to the linears before them");
  for (const char* kind : {"rmsNorm", "gatedRmsNorm", "siluMul", "sigmoidMul", "lastRows"})
    CHECK(count(kind, false) == 0 && count(kind, true) > 0, "%s belongs to the linears behind it", kind);
}

}  // namespace
