// State: what one sequence carries from step to step. Recurrent arrays have a fixed size; caches grow by doubling.
#pragma once

#include <atomic>
#include <vector>

#include "executor/memory.h"
#include "executor/program.h"

namespace fak {

class State {
 public:
  /// Everything zero, caches without rows. @throws std::bad_alloc
  explicit State(const std::vector<StateInfo>& infos);

  /// Makes room for `positions` rows in every cache, keeping the first `kept`; false, and nothing changed, when there is no memory.
  bool reserve(int64_t positions, int64_t kept);

  /// Zeroes the recurrent arrays. Cache rows count only up to the sequence's position, so they may stay.
  void reset();

  float* data(size_t index) const { return memory_[index].floats(); }
  /// Bytes held now. Any thread may ask.
  size_t bytes() const { return bytes_.load(std::memory_order_relaxed); }

  /// Copies all recurrent arrays out to, or back from, recurrent_bytes() bytes, floats [begin, end) of them.
  void save(float* to, int64_t begin, int64_t end) const;
  void restore(const float* from);
  int64_t recurrent_floats() const { return recurrent_floats_; }

  /// A step of one token failed half-way and there was no copy: the recurrent arrays mean nothing until reset().
  bool lost = false;

 private:
  const std::vector<StateInfo> infos_;
  std::vector<Memory> memory_;
  int64_t capacity_ = 0;
  int64_t recurrent_floats_ = 0;
  std::atomic<size_t> bytes_{0};
};

}  // namespace fak
