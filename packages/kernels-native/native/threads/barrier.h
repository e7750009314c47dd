// Barrier: all threads of a team arrive, the last one does what must be done alone, then all go on.
#pragma once

#include "threads/gate.h"

namespace fak {

class Barrier {
 public:
  explicit Barrier(int threads) : threads_(threads) {}

  /// `alone` runs on the last thread to arrive, before any other leaves; it sees everything the others wrote.
  template <class Alone>
  void arrive(Alone alone) {
    const uint32_t round = gate_.value();
    if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 < threads_) {
      gate_.wait(round);
      return;
    }
    alone();
    arrived_.store(0, std::memory_order_relaxed);
    gate_.open();
  }

 private:
  const int threads_;
  std::atomic<int> arrived_{0};
  Gate gate_;
};

}  // namespace fak
