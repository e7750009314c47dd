#include "threads/gate.h"

#include <chrono>
#include <thread>

namespace fak {

namespace {

/// Pauses before the first yield: about 5 microseconds.
constexpr int kSpins = 200;
/// How long to go on yielding before parking; waking a parked thread costs about 50 microseconds.
constexpr std::chrono::microseconds kYieldTime{200};

inline void pause_cpu() {
#if defined(__x86_64__) || defined(_M_X64)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

}  // namespace

void Gate::open() {
  // Sequentially consistent on both sides: either this thread sees the parked one, or that one sees the new value.
  value_.fetch_add(1, std::memory_order_seq_cst);
  if (parked_.load(std::memory_order_seq_cst) == 0) return;
  // Taking the lock waits for a thread that is between its last look and its sleep.
  { std::lock_guard<std::mutex> lock(mutex_); }
  changed_.notify_all();
}

void Gate::wait(uint32_t seen) {
  for (int i = 0; i < kSpins; i++) {
    if (value() != seen) return;
    pause_cpu();
  }
  const auto deadline = std::chrono::steady_clock::now() + kYieldTime;
  do {
    if (value() != seen) return;
    std::this_thread::yield();
  } while (std::chrono::steady_clock::now() < deadline);

  std::unique_lock<std::mutex> lock(mutex_);
  parked_.fetch_add(1, std::memory_order_seq_cst);
  changed_.wait(lock, [&] { return value_.load(std::memory_order_seq_cst) != seen; });
  parked_.fetch_sub(1, std::memory_order_seq_cst);
}

}  // namespace fak
