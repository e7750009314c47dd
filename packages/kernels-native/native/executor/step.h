// What a task sees while a step runs: the three runtime scalars, where everything lies, and where to report a failure.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "kernels.h"

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

struct Step {
  int64_t T = 0;  ///< tokens of the step
  int64_t R = 0;  ///< last rows that outputs are wanted for
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
  Failure* failure = nullptr;

  /// Scratch of one thread, 64-byte aligned, as large as the task asked for.
  float* scratch(int thread) const {
    return reinterpret_cast<float*>(private_memory + static_cast<size_t>(thread) * private_stride);
  }

  /// Ends the step with NON_FINITE if one of n floats, written by the given op, is NaN or infinite.
  void check_finite(const float* x, int64_t n, int op) const {
    if (!kernels->floats.all_finite(x, n)) failure->report(Outcome::NonFinite, op);
  }
};

}  // namespace fak
