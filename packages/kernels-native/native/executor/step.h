// What a task sees while a step runs: the three runtime scalars, where everything lies, and where to report a failure. A step takes one
// sequence or several at once, whose rows lie one after the other.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "executor/program.h"

namespace fak {

/// How a step ended; src/errors.ts turns it into a FakError.
enum class Outcome : uint32_t { Done, Aborted, NonFinite, FileChanged, OutOfMemory, StateLost, CacheRange };

/// The first failure of a step: of several reported at the same time, the one of the lowest op.
class Failure {
 public:
  void report(Outcome outcome, int op) {
    const uint64_t mine = static_cast<uint64_t>(static_cast<uint32_t>(op)) << 32 | static_cast<uint32_t>(outcome);
    uint64_t seen = packed_.load(std::memory_order_relaxed);
    while (mine < seen && !packed_.compare_exchange_weak(seen, mine, std::memory_order_relaxed)) {
    }
  }
  bool happened() const { return packed_.load(std::memory_order_relaxed) != kNone; }
  Outcome outcome() const { return static_cast<Outcome>(static_cast<uint32_t>(packed_.load(std::memory_order_relaxed))); }
  int op() const { return static_cast<int>(packed_.load(std::memory_order_relaxed) >> 32); }

 private:
  static constexpr uint64_t kNone = UINT64_MAX;
  std::atomic<uint64_t> packed_{kNone};
};

/// Of all sequences, for tasks that take rows as they come; or the part of one, for tasks that belong to a sequence (Task::by_sequence).
/// States and positions have a meaning only in a part.
struct Step {
  int64_t T = 0;  ///< tokens of the step
  int64_t R = 0;  ///< last rows that outputs are wanted for; of several sequences, those of each in turn
  int64_t P = 0;  ///< position of the first token
  const uint32_t* tokens = nullptr;
  int threads = 1;
  const KernelTable* kernels = nullptr;
  float* const* activations = nullptr;  ///< by value; null for weights and tokens
  float* const* states = nullptr;       ///< by state: a recurrent array; null for a cache
  uint8_t* const* const* caches = nullptr;  ///< by state: a cache's pages with room for P + T rows; null for a recurrent array
  CacheType cache_type = CacheType::F32;    ///< how caches store their rows
  uint8_t* const* partials = nullptr;       ///< by output value: what an op's main task leaves for its last one, Task::partial_bytes()
  uint8_t* shared = nullptr;            ///< base of what preparations leave for other tasks
  uint8_t* private_memory = nullptr;    ///< base of the threads' own scratch
  size_t private_stride = 0;            ///< bytes from one thread's scratch to the next
  Failure* failure = nullptr;           ///< of all sequences; of one, in a part
  int64_t part = 0;                     ///< which part this is
  int64_t row = 0, output_row = 0;      ///< a part's first row among those of all: of T, and of R
  const Step* parts = nullptr;
  int64_t part_count = 0;
  const int64_t* last_rows = nullptr;   ///< by row of R, which row of T it is, among those of all

  /// Scratch of one thread, 64-byte aligned, as large as the task asked for.
  float* scratch(int thread) const {
    return reinterpret_cast<float*>(private_memory + static_cast<size_t>(thread) * private_stride);
  }

  /// The part that a row, counted among those of all, belongs to; `rows`: what is counted.
  const Step& part_of(RowCount rows, int64_t row) const {
    int64_t i = part_count - 1;
    if (rows.code == RowCount::kT)
      while (parts[i].row > row) i--;
    else
      while (parts[i].output_row > row) i--;
    return parts[i];
  }

  /// do(part, its first row, how many) for the part of every sequence that has such rows.
  template <class Do>
  void each_part(RowCount rows, Do what) const {
    for (int64_t i = 0; i < part_count; i++) {
      const Step& one = parts[i];
      const int64_t count = rows.of(one.T, one.R);
      if (count > 0) what(one, rows.code == RowCount::kT ? one.row : one.output_row, count);
    }
  }

  /// Ends a sequence's step with NON_FINITE if one of n floats of its row, written by the given op, is NaN or infinite.
  void check_finite(const float* x, int64_t n, int op, RowCount rows, int64_t row) const {
    if (!kernels->floats.all_finite(x, n)) part_of(rows, row).failure->report(Outcome::NonFinite, op);
  }
};

}  // namespace fak
