// Speed of attention alone at a depth of context, at the shape of 0.8B unless told otherwise: time per layer, the read of keys and values
// and float operations. The caches are filled directly, every layer has its own.
//   attention_bench [T,...] [depth,...] [cache types] [threads] [isa] [layers] [Hq] [Hk] [D]
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <sstream>
#include <string>
#include <vector>

#include "executor/prepared.h"
#include "isa/cpu.h"
#include "ops/cache_row.h"

using namespace fak;

namespace {

constexpr int64_t kVocabulary = 64, kRepeats = 7;
const char* const kCacheTypeNames[kCacheTypeCount] = {"f32", "f16", "q8_0"};

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::vector<std::string> split(const std::string& list) {
  std::vector<std::string> parts;
  std::istringstream in(list);
  for (std::string part; std::getline(in, part, ',');) parts.push_back(part);
  return parts;
}

struct Shape {
  int64_t layers, Hq, Hk, D;
};

/// Layers of attention side by side, which share their queries, keys and values: rows of random tables.
struct Model {
  Program program;
  std::vector<std::vector<float>> tables;

  int add(const Value& value) {
    program.values.push_back(value);
    return static_cast<int>(program.values.size()) - 1;
  }

  int op(const std::string& kind, std::vector<int> inputs, int64_t columns, std::vector<double> attrs = {}, std::vector<int> states = {}) {
    OpNode node;
    while (op_kinds()[static_cast<size_t>(node.kind)].name != kind) node.kind++;
    node.inputs = std::move(inputs);
    node.states = std::move(states);
    node.attrs = std::move(attrs);
    Value value;
    value.kind = ValueKind::Activation;
    value.rows.code = RowCount::kT;
    value.columns = columns;
    value.offset = program.arena_bytes;
    program.arena_bytes += align_up(static_cast<size_t>(program.max_tokens * columns) * sizeof(float));
    node.output = add(value);
    program.ops.push_back(node);
    program.phases.push_back({static_cast<int>(program.ops.size()) - 1});
    return node.output;
  }

  int rows(int64_t columns) {
    uint32_t random = 1;
    tables.emplace_back(static_cast<size_t>(kVocabulary * columns));
    for (float& x : tables.back()) x = static_cast<float>(static_cast<int32_t>(random = random * 1664525u + 1013904223u)) * 0x1p-31f;
    Value value;
    value.kind = ValueKind::Weight;
    value.weight_rows = kVocabulary;
    value.columns = columns;
    value.weight = reinterpret_cast<const uint8_t*>(tables.back().data());
    return op("embedding", {tokens, add(value)}, columns);
  }

  Model(const Shape& s, CacheType type, int64_t max_tokens) {
    program.max_tokens = max_tokens;
    program.cache_type = type;
    tokens = add(Value());
    const int q = rows(s.Hq * s.D), k = rows(s.Hk * s.D), v = rows(s.Hk * s.D);
    for (int64_t layer = 0; layer < s.layers; layer++) {
      const int first = static_cast<int>(program.states.size());
      for (int i = 0; i < 2; i++) program.states.push_back({true, s.Hk * s.D, s.Hk});
      program.pinned.push_back(op("attention", {q, k, v}, s.Hq * s.D,
                {static_cast<double>(s.Hq), static_cast<double>(s.Hk), static_cast<double>(s.D), static_cast<double>(s.D), 0.0625}, {first, first + 1}));
    }
  }
  int tokens = 0;
};

void fill(State& state, const Shape& s, CacheType type, int64_t depth) {
  std::vector<float> row(static_cast<size_t>(s.D));
  uint32_t random = 7;
  for (size_t cache = 0; cache < static_cast<size_t>(2 * s.layers); cache++)
    for (int64_t position = 0; position < depth; position++) {
      for (float& x : row) x = static_cast<float>(static_cast<int32_t>(random = random * 1664525u + 1013904223u)) * 0x1p-31f;
      for (int64_t h = 0; h < s.Hk; h++)
        store_cache_row(type, row.data(), s.D, state.pages(cache)[position / kAttentionBlock] + static_cast<size_t>(h) * cache_head_bytes(type, s.D),
                        position % kAttentionBlock);
    }
}

double median(std::vector<double> times) {
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
  const auto text = [&](int i, const char* other) { return std::string(argc > i ? argv[i] : other); };
  const auto number = [&](int i, const char* other) { return static_cast<int64_t>(std::atoll(text(i, other).c_str())); };
  const auto team = std::make_shared<Team>(static_cast<int>(number(4, "2")));
  int isa = best_isa();
  for (int i = 0; i < kIsaCount; i++)
    if (text(5, "") == kIsaNames[i]) isa = i;
  const Shape shape = {number(6, "6"), number(7, "8"), number(8, "2"), number(9, "256")};

  std::printf("%5s %7s %5s %12s %10s %10s\n", "T", "depth", "cache", "us a layer", "GB/s", "GFLOP/s");
  for (const std::string& name : split(text(3, "f32,f16,q8_0")))
    for (const std::string& depth_text : split(text(2, "4096")))
      for (const std::string& count_text : split(text(1, "1,256"))) {
        CacheType type = CacheType::F32;
        for (int i = 0; i < kCacheTypeCount; i++)
          if (name == kCacheTypeNames[i]) type = static_cast<CacheType>(i);
        const int64_t depth = std::atoll(depth_text.c_str()), count = std::atoll(count_text.c_str());
        const Model model(shape, type, count);
        Prepared prepared(model.program, {}, kernel_table(isa), team);
        const std::unique_ptr<State> state = prepared.create_state();
        if (!state->reserve(depth + count, 0)) return 1;
        fill(*state, shape, type, depth);
        std::vector<uint32_t> tokens(static_cast<size_t>(count));
        for (size_t i = 0; i < tokens.size(); i++) tokens[i] = static_cast<uint32_t>(i) % kVocabulary;
        std::vector<float> out(static_cast<size_t>(shape.layers * count * shape.Hq * shape.D));
        Request request;
        request.state = state.get();
        request.position = depth;
        request.tokens = tokens.data();
        request.count = request.rows = count;
        Batch batch{{request}, {}};
        for (int64_t layer = 0; layer < shape.layers; layer++) batch.pinned.push_back(out.data() + layer * count * shape.Hq * shape.D);
        std::vector<double> times;
        for (int64_t repeat = 0; repeat <= kRepeats; repeat++) {
          const double start = now();
          std::promise<Response> done;
          team->submit([&] { done.set_value(prepared.run(batch)[0]); });
          if (done.get_future().get().outcome != Outcome::Done) return 1;
          if (repeat > 0) times.push_back((now() - start) / static_cast<double>(shape.layers));
        }
        const double seconds = median(times), keys = static_cast<double>(depth) + static_cast<double>(count) / 2;
        const double bytes = 2 * static_cast<double>(shape.Hk) * keys / kAttentionBlock * static_cast<double>(cache_head_bytes(type, shape.D));
        const double flops = 4 * keys * static_cast<double>(count * shape.Hq * shape.D);
        std::printf("%5lld %7lld %5s %12.1f %10.1f %10.1f\n", static_cast<long long>(count), static_cast<long long>(depth), name.c_str(),
                    seconds * 1e6, bytes / seconds * 1e-9, flops / seconds * 1e-9);
      }
}
