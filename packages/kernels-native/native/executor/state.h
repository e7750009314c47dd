// State: what one sequence carries from step to step. Recurrent arrays have a fixed size. Caches are lists of pages, one page for each
// block of attention, and in it the rows of one head after those of another; a fork shares the pages it holds with the original until one of them writes.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "executor/memory.h"
#include "executor/program.h"

namespace fak {

/// Bytes of all states of one program that are alive; what several share counts once. Any thread may ask.
class StateUsage {
 public:
  size_t bytes() const { return bytes_.load(std::memory_order_relaxed); }
  void add(size_t bytes) { bytes_.fetch_add(bytes, std::memory_order_relaxed); }
  void remove(size_t bytes) { bytes_.fetch_sub(bytes, std::memory_order_relaxed); }

 private:
  std::atomic<size_t> bytes_{0};
};

class State {
 public:
  /// Everything zero, or, not zeroed, for the caller to fill; caches without rows. @throws std::bad_alloc
  State(const std::vector<StateInfo>& infos, CacheType type, std::shared_ptr<StateUsage> usage, bool zeroed = true);
  ~State();
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  /// Whether the caches have rows for so many positions.
  bool holds(int64_t positions) const;

  /// A sequence of its own that goes on from the first `positions` positions. Null when there is no memory.
  std::unique_ptr<State> fork(int64_t positions) const;

  /// Makes room to write the cache rows [kept, positions), keeping those before; false when there is no memory: then no row is lost.
  bool reserve(int64_t positions, int64_t kept);

  /// Zeroes the recurrent arrays and gives the pages back.
  void reset();

  /// A recurrent array; null for a cache.
  float* data(size_t index) const { return arrays_[index].floats(); }
  /// Addresses of a cache's pages, kAttentionBlock rows each; null for a recurrent array.
  uint8_t* const* pages(size_t index) const { return caches_[index].addresses.data(); }
  /// Bytes held now, those that others share included. Any thread may ask.
  size_t bytes() const { return bytes_.load(std::memory_order_relaxed); }

  size_t arrays() const { return infos_.size(); }
  /// Bytes of one array: a recurrent one, or the first `positions` rows of a cache.
  size_t array_bytes(size_t index, int64_t positions) const;
  /// Copies those bytes out, or in. The state holds() so many positions; what is written must be reserved.
  void read(size_t index, int64_t positions, uint8_t* to) const;
  void write(size_t index, int64_t positions, const uint8_t* from);

  /// Copies all recurrent arrays out to, or back from, recurrent_bytes() bytes, floats [begin, end) of them.
  void save(float* to, int64_t begin, int64_t end) const;
  void restore(const float* from);
  int64_t recurrent_floats() const { return recurrent_floats_; }

  /// A step of one token failed half-way and there was no copy: the recurrent arrays mean nothing until reset().
  bool lost = false;

 private:
  class Page;
  struct Cache {
    std::vector<std::shared_ptr<Page>> pages;
    std::vector<uint8_t*> addresses;
  };
  std::shared_ptr<Page> new_page(size_t index) const;
  bool own_page(size_t index, size_t page, bool keep);
  void count_bytes();
  /// copy(head's part of the page, row in it, D, offset of the row among those of all positions and heads)
  template <class Copy>
  void each_cache_row(size_t index, int64_t positions, Copy copy) const;

  const std::vector<StateInfo> infos_;
  const CacheType type_;
  const std::shared_ptr<StateUsage> usage_;
  std::vector<Memory> arrays_;  ///< by state; empty for caches
  std::vector<Cache> caches_;   ///< by state; empty for recurrent arrays
  int64_t recurrent_floats_ = 0;
  size_t recurrent_bytes_ = 0;
  std::atomic<size_t> bytes_{0};
};

}  // namespace fak
