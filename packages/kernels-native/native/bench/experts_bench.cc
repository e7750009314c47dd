// Speed of a mixture-of-experts block, router and experts without the shared one, at the shape of 35B-A3B unless told otherwise: time per
// layer, weights read and multiply-adds for steps of T tokens; and the same tokens one by one, which is what a matrix-vector product for each
// token costs.
//   experts_bench [layers] [threads] [isa] [T,...] [type of gate and up] [type of down] [experts] [top k] [width] [inner width]
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <string>
#include <vector>

#include "executor/prepared.h"
#include "isa/cpu.h"

using namespace fak;

namespace {

constexpr int64_t kVocabulary = 4096, kRepeats = 5;

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

DType type_named(const std::string& name) {
  for (int t = 0; t < kDTypeCount; t++)
    if (name == kDTypes[t].name) return static_cast<DType>(t);
  std::fprintf(stderr, "no type %s\n", name.c_str());
  std::exit(2);
}

/// A Program of such blocks, its values side by side in the arena.
struct Model {
  Program program;
  std::vector<std::vector<uint8_t>> memory;
  uint32_t random = 1;

  int add(const Value& value) {
    program.values.push_back(value);
    return static_cast<int>(program.values.size()) - 1;
  }

  Value matrix(DType type, int64_t rows, int64_t columns) {
    memory.emplace_back(row_bytes(type, columns) * static_cast<size_t>(rows));
    std::vector<uint8_t>& bytes = memory.back();
    if (type == DType::F32) {
      float* const floats = reinterpret_cast<float*>(bytes.data());
      for (int64_t i = 0; i < rows * columns; i++)
        floats[i] = static_cast<float>(static_cast<int32_t>(random = random * 1664525u + 1013904223u)) * 0x1p-31f;
    } else {
      // Bytes below 64 in every place keep all scales finite and small, whatever the layout.
      for (uint8_t& byte : bytes) byte = static_cast<uint8_t>((random = random * 1664525u + 1013904223u) >> 26);
    }
    Value value;
    value.kind = ValueKind::Weight;
    value.dtype = type;
    value.weight_rows = rows;
    value.columns = columns;
    value.weight = bytes.data();
    return value;
  }

  int stack(DType type, int64_t experts, int64_t rows, int64_t columns) {
    Value value = matrix(type, experts * rows, columns);
    value.weight_rows = rows;
    for (int64_t e = 0; e < experts; e++)
      value.experts.push_back(value.weight + row_bytes(type, columns) * static_cast<size_t>(e * rows));
    return add(value);
  }

  int op(const std::string& kind, std::vector<int> inputs, int64_t columns, std::vector<double> attrs = {}) {
    OpNode node;
    while (op_kinds()[static_cast<size_t>(node.kind)].name != kind) node.kind++;
    node.inputs = std::move(inputs);
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
};

double step_seconds(Prepared& prepared, State& state, const std::vector<uint32_t>& tokens, int64_t count, float* out) {
  const double start = now();
  for (size_t at = 0; at < tokens.size(); at += static_cast<size_t>(count)) {
    Request request;
    request.state = &state;
    request.tokens = tokens.data() + at;
    request.count = request.rows = std::min(count, static_cast<int64_t>(tokens.size() - at));
    std::promise<Response> done;
    prepared.team().submit([&] { done.set_value(prepared.run({{request}, {out}})[0]); });
    const Response response = done.get_future().get();
    if (response.outcome != Outcome::Done) std::fprintf(stderr, "outcome %d at op %d\n", static_cast<int>(response.outcome), response.op);
  }
  return now() - start;
}

}  // namespace

int main(int argc, char** argv) {
  const auto text = [&](int i, const char* other) { return std::string(argc > i ? argv[i] : other); };
  const auto number = [&](int i, const char* other) { return static_cast<int64_t>(std::atoll(text(i, other).c_str())); };
  const int64_t layers = number(1, "2"), threads = number(2, "2");
  int isa = best_isa();
  for (int i = 0; i < kIsaCount; i++)
    if (text(3, "") == kIsaNames[i]) isa = i;
  std::vector<int64_t> counts;
  const std::string list = text(4, "1,4,64,512");
  for (const char* p = list.c_str(); *p != 0; p += *p == ',') {
    char* end;
    counts.push_back(std::strtoll(p, &end, 10));
    p = end;
  }
  const DType up_type = type_named(text(5, "Q4_K")), down_type = type_named(text(6, "Q6_K"));
  const int64_t experts = number(7, "256"), top_k = number(8, "8"), width = number(9, "2048"), inner = number(10, "512");

  Model m;
  m.program.max_tokens = *std::max_element(counts.begin(), counts.end());
  const int tokens_id = m.add(Value());
  const auto attr = [](int64_t x) { return static_cast<double>(x); };
  int x = m.op("embedding", {tokens_id, m.add(m.matrix(DType::F32, kVocabulary, width))}, width);
  std::vector<float> ones(static_cast<size_t>(width), 1.0f);
  Value norm;
  norm.kind = ValueKind::Weight;
  norm.weight_rows = 1;
  norm.columns = width;
  norm.weight = reinterpret_cast<const uint8_t*>(ones.data());
  const int norm_id = m.add(norm);
  for (int64_t layer = 0; layer < layers; layer++) {
    const int n = m.op("rmsNorm", {x, norm_id}, width, {1e-6});
    const int logits = m.op("linear", {n, m.add(m.matrix(DType::F32, experts, width))}, experts);
    const int routes = m.op("route", {logits}, 2 * top_k, {attr(top_k)});
    const int gate = m.op("expertLinear", {n, routes, m.stack(up_type, experts, inner, width)}, top_k * inner, {attr(top_k), 0});
    const int up = m.op("expertLinear", {n, routes, m.stack(up_type, experts, inner, width)}, top_k * inner, {attr(top_k), 0});
    m.program.phases.pop_back();
    m.program.phases.back().push_back(static_cast<int>(m.program.ops.size()) - 1);
    const int act = m.op("siluMul", {gate, up}, top_k * inner);
    const int down = m.op("expertLinear", {act, routes, m.stack(down_type, experts, width, inner)}, top_k * width, {attr(top_k), 1});
    x = m.op("combineExperts", {down, routes}, width, {attr(top_k)});
  }
  m.program.pinned = {x};

  Prepared prepared(m.program, {}, kernel_table(isa), std::make_shared<Team>(static_cast<int>(threads)));
  const std::unique_ptr<State> owned = prepared.create_state();
  State& state = *owned;
  std::vector<float> out(static_cast<size_t>(m.program.max_tokens * width));
  std::printf("%s, %lld threads, %lld layers; best of %lld / median\n", kIsaNames[isa], static_cast<long long>(threads),
              static_cast<long long>(layers), static_cast<long long>(kRepeats));
  const double slot_macs = static_cast<double>(3 * inner * width);
  const double slot_bytes = static_cast<double>(2 * inner) * static_cast<double>(row_bytes(up_type, width)) +
                            static_cast<double>(width) * static_cast<double>(row_bytes(down_type, inner));
  for (const int64_t count : counts) {
    std::vector<uint32_t> tokens(static_cast<size_t>(count));
    std::vector<double> grouped, single;
    for (int64_t repeat = 0; repeat < kRepeats; repeat++) {
      for (uint32_t& token : tokens) token = (m.random = m.random * 1664525u + 1013904223u) >> 20;
      grouped.push_back(step_seconds(prepared, state, tokens, count, out.data()));
      single.push_back(step_seconds(prepared, state, tokens, 1, out.data()));
    }
    std::sort(grouped.begin(), grouped.end());
    std::sort(single.begin(), single.end());
    const double slots = static_cast<double>(count * top_k * layers);
    const auto ms = [&](double seconds) { return seconds * 1e3 / static_cast<double>(layers); };
    std::printf("T=%-4lld %8.3f /%8.3f ms a layer, %6.1f GMAC/s; one by one %8.3f /%8.3f ms, %5.1f GMAC/s, %5.1f GB/s; ratio %.2f\n",
                static_cast<long long>(count), ms(grouped[0]), ms(grouped[kRepeats / 2]), slots * slot_macs / grouped[0] / 1e9,
                ms(single[0]), ms(single[kRepeats / 2]), slots * slot_macs / single[0] / 1e9, slots * slot_bytes / single[0] / 1e9,
                single[kRepeats / 2] / grouped[kRepeats / 2]);
    std::fflush(stdout);
  }
  return 0;
}
