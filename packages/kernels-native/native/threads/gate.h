// Gate: a number that threads wait to see change. Waiting spins for a few microseconds, yields for a fraction of a millisecond,
// then parks. Endless spinning would be fastest on free cores and ruinous on shared ones (hundreds of microseconds a barrier).
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace fak {

class Gate {
 public:
  uint32_t value() const { return value_.load(std::memory_order_acquire); }

  /// Changes the value and lets everybody through.
  void open();

  /// Returns when the value is no longer `seen`; what the opener wrote before is visible then.
  void wait(uint32_t seen);

 private:
  std::atomic<uint32_t> value_{0};
  std::atomic<uint32_t> parked_{0};
  std::mutex mutex_;
  std::condition_variable changed_;
};

}  // namespace fak
