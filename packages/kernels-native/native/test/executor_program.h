// Programs for the executor tests, recorded the way the TypeScript builder does it, and how they are run.
#pragma once

#include <algorithm>
#include <future>
#include <string>
#include <vector>

#include "check.h"
#include "executor/prepared.h"
#include "isa/cpu.h"

namespace fak::test {

constexpr int64_t kVocabulary = 37, kHidden = 40, kMaxTokens = 48;

/// Records ops the way the TypeScript builder does, every value in a place of its own.
class Recorder {
 public:
  explicit Recorder(uint64_t seed) : random_(seed) { program.max_tokens = kMaxTokens; }

  Program program;
  std::vector<std::vector<float>> weights;
  std::vector<std::vector<uint8_t>> stored;

  int tokens() { return add_value(Value()); }

  int weight(int64_t rows, int64_t columns, float low, float high) {
    std::vector<float> data(static_cast<size_t>(rows * columns));
    for (float& x : data) x = random_.uniform(low, high);
    return table(std::move(data), columns);
  }

  /// A matrix with the given values.
  int table(std::vector<float> data, int64_t columns) {
    weights.push_back(std::move(data));
    Value value;
    value.kind = ValueKind::Weight;
    value.weight_rows = static_cast<int64_t>(weights.back().size()) / columns;
    value.columns = columns;
    value.weight = reinterpret_cast<const uint8_t*>(weights.back().data());
    return add_value(value);
  }

  /// A stored matrix.
  int stored_weight(DType dtype, std::vector<uint8_t> bytes, int64_t columns) {
    const int id = stack(dtype, {std::move(bytes)}, columns);
    Value& value = program.values[static_cast<size_t>(id)];
    value.weight = value.experts[0];
    value.experts.clear();
    return id;
  }

  /// A stack of stored matrices, each at an address of its own.
  int stack(DType dtype, std::vector<std::vector<uint8_t>> parts, int64_t columns) {
    Value value;
    value.kind = ValueKind::Weight;
    value.dtype = dtype;
    value.weight_rows = static_cast<int64_t>(parts[0].size() / row_bytes(dtype, columns));
    value.columns = columns;
    for (std::vector<uint8_t>& part : parts) {
      stored.push_back(std::move(part));
      value.experts.push_back(stored.back().data());
    }
    return add_value(value);
  }

  int state(bool kv, int64_t elements, int64_t heads = 1) {
    program.states.push_back({kv, elements, heads});
    return static_cast<int>(program.states.size()) - 1;
  }

  int op(const char* kind, std::vector<int> inputs, int64_t columns, std::vector<double> attrs = {},
         std::vector<int> states = {}, int64_t rows = RowCount::kT) {
    Value value;
    value.kind = ValueKind::Activation;
    value.rows.code = rows;
    value.columns = columns;
    value.offset = program.arena_bytes;
    program.arena_bytes += align_up(static_cast<size_t>(kMaxTokens * columns) * sizeof(float));
    OpNode node;
    const auto& kinds = op_kinds();
    node.kind = static_cast<int>(std::find_if(kinds.begin(), kinds.end(),
                                              [&](const OpKind& k) { return std::string(k.name) == kind; }) -
                                 kinds.begin());
    node.inputs = std::move(inputs);
    node.states = std::move(states);
    node.attrs = std::move(attrs);
    node.output = add_value(value);
    program.ops.push_back(node);
    program.phases.push_back({static_cast<int>(program.ops.size()) - 1});
    return node.output;
  }

 private:
  int add_value(const Value& value) {
    program.values.push_back(value);
    return static_cast<int>(program.values.size()) - 1;
  }
  Random random_;
};

/// Runs a step on the leader and waits for it.
inline std::vector<Response> run_all(Prepared& prepared, const Batch& batch) {
  std::promise<std::vector<Response>> done;
  prepared.team().submit([&] { done.set_value(prepared.run(batch)); });
  return done.get_future().get();
}
inline Response run(Prepared& prepared, const Batch& batch) { return run_all(prepared, batch)[0]; }

/// A step that wants a row of the one output for every token; `out` starts as NaN, so that what nobody writes shows.
inline Batch request_for(const Prepared& prepared, State& state, int64_t position, const std::vector<uint32_t>& tokens,
                           std::vector<float>& out) {
  const Program& program = prepared.program();
  Request request;
  request.state = &state;
  request.position = position;
  request.tokens = tokens.data();
  request.count = request.rows = static_cast<int64_t>(tokens.size());
  const Value& pinned = program.values[static_cast<size_t>(program.pinned[0])];
  out.assign(tokens.size() * static_cast<size_t>(pinned.columns), NAN);
  return {{request}, {out.data()}};
}

inline std::vector<uint32_t> some_tokens(int64_t n) {
  Random random(9);
  std::vector<uint32_t> tokens(static_cast<size_t>(n));
  for (uint32_t& token : tokens) token = static_cast<uint32_t>(random.next() % kVocabulary);
  return tokens;
}

/// All logits of the tokens, run in steps of `chunk`.
inline std::vector<float> logits(Prepared& prepared, const std::vector<uint32_t>& tokens, int64_t chunk) {
  const std::unique_ptr<State> owned = prepared.create_state();
  State& state = *owned;
  std::vector<float> all, out;
  for (int64_t at = 0; at < static_cast<int64_t>(tokens.size()); at += chunk) {
    const auto begin = tokens.begin() + at;
    const std::vector<uint32_t> part(begin, begin + std::min<int64_t>(chunk, tokens.end() - begin));
    const Response response = run(prepared, request_for(prepared, state, at, part, out));
    CHECK(response.outcome == Outcome::Done, "outcome %u at op %d", static_cast<unsigned>(response.outcome), response.op);
    all.insert(all.end(), out.begin(), out.end());
  }
  return all;
}

/// FNV-1a over the bits.
inline uint64_t hash_of(const std::vector<float>& values) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (const float value : values) {
    uint32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    for (int i = 0; i < 4; i++) hash = (hash ^ (bits >> (8 * i) & 255u)) * 0x100000001b3u;
  }
  return hash;
}

/// The logits are the same bits for every instruction set, number of threads and chunk, and these bits hash to `golden`.
inline void check_one_hash(const Recorder& model, uint64_t golden) {
  const std::vector<uint32_t> tokens = some_tokens(90);
  std::vector<float> want;
  for (int isa = 0; isa < kIsaCount; isa++) {
    if (!isa_present(isa)) continue;
    for (const int threads : {1, 2, 3, 8}) {
      if (brief() && threads > 3) continue;
      Prepared prepared(model.program, {}, kernel_table(isa), std::make_shared<Team>(threads));
      const int64_t chunks[] = {1, 7, 48};
      for (const int64_t chunk : chunks) {
        if (brief() && chunk != chunks[(isa + threads) % 3]) continue;
        const std::vector<float> got = logits(prepared, tokens, chunk);
        if (want.empty()) want = got;
        const int64_t i = first_difference(want.data(), got.data(), static_cast<int64_t>(want.size()));
        CHECK(i < 0, "%s, %d threads, chunks of %lld: logit %lld", kIsaNames[isa], threads, static_cast<long long>(chunk),
              static_cast<long long>(i));
      }
    }
  }
  CHECK(hash_of(want) == golden, "the logits hash to %016llx", static_cast<unsigned long long>(hash_of(want)));
}

}  // namespace fak::test
