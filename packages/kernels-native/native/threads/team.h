// Team: a leader thread that takes jobs from a queue, and workers that join it in the parallel part of a job. The threads live as
// long as the team; between jobs they are parked. The caller's thread (the event loop) only ever queues.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "threads/barrier.h"

namespace fak {

/// More threads than any machine this is built for has cores.
constexpr int kMaxThreads = 1024;

class Team {
 public:
  /// Starts `threads` threads (at least 1), the leader included. @throws std::system_error when the system has no more threads.
  explicit Team(int threads);
  /// Finishes the queued jobs, then joins the threads. Never called on one of them.
  ~Team();
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;

  int size() const { return size_; }

  /// Queues a job for the leader. It must not throw.
  void submit(std::function<void()> job);

  /// On the leader, inside a job: runs body(thread, barrier) on every thread, 0 being the leader, and returns when all are done.
  void run(const std::function<void(int, Barrier&)>& body);

 private:
  void lead();
  void work(int thread);
  void stop();

  const int size_;
  Barrier barrier_;
  Gate start_;
  const std::function<void(int, Barrier&)>* body_ = nullptr;  // null tells the workers to leave

  std::mutex mutex_;
  std::condition_variable queued_;
  std::deque<std::function<void()>> jobs_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace fak
