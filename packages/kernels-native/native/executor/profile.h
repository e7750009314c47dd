// Profile: where the time of one step went. Clocked at the boundaries of chunks by the threads that run them; kernels know nothing of it,
// and without a profile nobody looks at a clock.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace fak {

/// Times of one run of a timetable: by thread and entry, and by slot.
class Profile {
 public:
  using Clock = std::chrono::steady_clock;

  /// @throws std::bad_alloc
  Profile(size_t entries, size_t slots, int threads)
      : entries_(entries), stride_((entries + kLine - 1) / kLine * kLine), threads_(threads),
        times_(stride_ * static_cast<size_t>(threads)), slots_(slots, 0), last_(Clock::now()) {}

  /// A thread did a chunk of an entry.
  void chunk(int thread, size_t entry, Clock::duration time) {
    Time& sum = times_[static_cast<size_t>(thread) * stride_ + entry];
    sum.ns += nanoseconds(time);
    sum.chunks++;
  }
  /// Alone: the threads begin together.
  void begin() { last_ = Clock::now(); }
  /// Alone: a slot is over; the next one begins.
  void end(size_t slot) {
    const Clock::time_point now = Clock::now();
    slots_[slot] = nanoseconds(now - last_);
    last_ = now;
  }

  int threads() const { return threads_; }
  double slot_ns(size_t slot) const { return slots_[slot]; }
  /// What all threads together spent in an entry, and in how many chunks.
  double busy_ns(size_t entry) const {
    double sum = 0;
    for (int thread = 0; thread < threads_; thread++) sum += time(thread, entry).ns;
    return sum;
  }
  int64_t chunks(size_t entry) const {
    int64_t sum = 0;
    for (int thread = 0; thread < threads_; thread++) sum += time(thread, entry).chunks;
    return sum;
  }
  /// What one thread spent in all entries.
  double thread_ns(int thread) const {
    double sum = 0;
    for (size_t entry = 0; entry < entries_; entry++) sum += time(thread, entry).ns;
    return sum;
  }

 private:
  struct Time {
    double ns = 0;
    int64_t chunks = 0;
  };
  static constexpr size_t kLine = 64 / sizeof(Time);
  static double nanoseconds(Clock::duration time) { return std::chrono::duration<double, std::nano>(time).count(); }
  const Time& time(int thread, size_t entry) const { return times_[static_cast<size_t>(thread) * stride_ + entry]; }

  size_t entries_, stride_;
  int threads_;
  std::vector<Time> times_;  ///< by thread and entry; a line apart, so that threads seldom share one
  std::vector<double> slots_;
  Clock::time_point last_;
};

/// What a step did, for the caller: the tasks in the order of their slots.
struct StepProfile {
  struct Task {
    std::vector<int> ops;  ///< of the caller's Program: what it does; several where they are fused
    int prepares;          ///< the op that wants first what it makes; -1 for a task that is an op itself
    int64_t slot, chunks;
    double busy_ns;  ///< of all threads together
  };
  struct Slot {
    bool serial;
    double ns;
  };
  double step_ns = 0;    ///< on the leader, from taking the step to having its result
  double backup_ns = 0;  ///< copying the recurrent state first, part of step_ns
  std::vector<double> thread_ns;  ///< by thread, in tasks
  std::vector<Task> tasks;
  std::vector<Slot> slots;
};

}  // namespace fak
