#include "executor/program.h"

#include <stdexcept>

#include "ops/op.h"

namespace fak {

namespace {

/// Changes with the layout; src/encode.ts has the same number.
constexpr double kLayoutVersion = 3;

/// Matrices in a stack; the largest models of today have 512. Routes hold indices in f32, which has room for far more.
constexpr double kMaxExperts = 65536;

/// Largest integer that a double holds exactly.
constexpr double kLargestInteger = 9007199254740991.0;

class Words {
 public:
  Words(const double* words, size_t count) : at_(words), left_(count) {}

  double number() {
    if (left_ == 0) throw std::runtime_error("the encoded program ends early");
    left_--;
    return *at_++;
  }

  int64_t integer(double low, double high = kLargestInteger) {
    const double x = number();
    if (!(x >= low && x <= high) || x != static_cast<double>(static_cast<int64_t>(x)))
      throw std::runtime_error("the encoded program has a number out of range");
    return static_cast<int64_t>(x);
  }

  /// A count of things that take at least one word each.
  size_t count() { return static_cast<size_t>(integer(0, static_cast<double>(left_))); }

  int index(size_t size) { return static_cast<int>(integer(0, static_cast<double>(size) - 1)); }

  std::vector<int> indices(size_t size) {
    std::vector<int> list(count());
    for (int& i : list) i = index(size);
    return list;
  }

  void end() {
    if (left_ != 0) throw std::runtime_error("the encoded program has words left over");
  }

 private:
  const double* at_;
  size_t left_;
};

Value read_value(Words& in) {
  Value value;
  value.kind = static_cast<ValueKind>(in.integer(0, 2));
  if (value.kind == ValueKind::Weight) {
    value.dtype = static_cast<DType>(in.index(kDTypeCount));
    value.weight_rows = in.integer(1);
    value.columns = in.integer(1);
    value.experts.resize(static_cast<size_t>(in.integer(0, kMaxExperts)));
  } else if (value.kind == ValueKind::Activation) {
    value.rows.code = in.integer(RowCount::kR);
    value.columns = in.integer(1);
    value.offset = static_cast<size_t>(in.integer(0));
  }
  return value;
}

OpNode read_op(Words& in, const Program& program) {
  OpNode op;
  op.kind = in.index(op_kinds().size());
  op.inputs = in.indices(program.values.size());
  op.states = in.indices(program.states.size());
  op.output = in.index(program.values.size());
  op.attrs.resize(in.count());
  for (double& attr : op.attrs) attr = in.number();
  return op;
}

}  // namespace

Program decode_program(const double* words, size_t count) {
  Words in(words, count);
  if (in.number() != kLayoutVersion) throw std::runtime_error("the encoded program has another layout version");
  Program program;
  program.max_tokens = in.integer(1, 1 << 20);
  program.arena_bytes = static_cast<size_t>(in.integer(0));
  program.cache_type = static_cast<CacheType>(in.index(kCacheTypeCount));
  program.values.resize(in.count());
  for (Value& value : program.values) value = read_value(in);
  program.states.resize(in.count());
  for (StateInfo& state : program.states) {
    state.kv = in.integer(0, 1) == 1;
    state.elements = in.integer(1);
    state.heads = in.integer(1);
    if (state.elements % state.heads != 0) throw std::runtime_error("the encoded program has a cache of broken heads");
  }
  program.ops.resize(in.count());
  for (OpNode& op : program.ops) op = read_op(in, program);
  program.phases.resize(in.count());
  for (std::vector<int>& phase : program.phases) phase = in.indices(program.ops.size());
  program.pinned = in.indices(program.values.size());
  in.end();
  return program;
}

}  // namespace fak
