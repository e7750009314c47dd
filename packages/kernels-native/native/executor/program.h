// The Program as the native side holds it: decoded from one flat buffer (src/encode.ts writes it), weights bound to addresses.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "dtype.h"
#include "kernels.h"

namespace fak {

enum class ValueKind : uint8_t { Tokens, Weight, Activation };

/// Rows of an activation: fixed, or one of the runtime scalars T and R.
struct RowCount {
  static constexpr int64_t kT = -1, kR = -2;
  int64_t code = 0;
  int64_t of(int64_t T, int64_t R) const { return code == kT ? T : code == kR ? R : code; }
  /// A sequence's first row, given how many there are of the sequences before it; of a fixed number there is one for all.
  int64_t first(int64_t T, int64_t R) const { return code == kT ? T : code == kR ? R : 0; }
};

struct Value {
  ValueKind kind = ValueKind::Tokens;
  // Weight: stored type, [rows, columns] (a vector is one row), address. A stack has several such matrices, each at its own address.
  DType dtype = DType::F32;
  int64_t weight_rows = 0;
  const uint8_t* weight = nullptr;
  std::vector<const uint8_t*> experts;
  // Activation: f32 [rows, columns] at an offset of the arena.
  RowCount rows;
  size_t offset = 0;
  // Both.
  int64_t columns = 0;
};

struct StateInfo {
  bool kv = false;       ///< one row of `elements` numbers per position; otherwise one array of `elements` floats
  int64_t elements = 0;
  int64_t heads = 1;     ///< of a cache: how many heads share a row
};

struct OpNode {
  int kind = 0;  ///< see kind_of()
  std::vector<int> inputs, states;
  int output = 0;
  std::vector<double> attrs;  ///< in the order of the op's definition; words as their index
  std::vector<int> parts;     ///< after fusing: the ops of the caller's Program that it stands for, for messages
  bool inlined = false;       ///< after fusing: done by those who read it
};

struct Program {
  int64_t max_tokens = 0;
  size_t arena_bytes = 0;
  CacheType cache_type = CacheType::F32;  ///< how all caches store their rows
  std::vector<Value> values;
  std::vector<StateInfo> states;
  std::vector<OpNode> ops;
  std::vector<std::vector<int>> phases;  ///< op indices
  std::vector<int> pinned;               ///< activations that the caller reads after a step: outputs, then taps
};

/// Decodes the flat buffer. Weights are left without an address.
/// @throws std::runtime_error when an index or count does not fit; shapes are the caller's to check.
Program decode_program(const double* words, size_t count);

}  // namespace fak
