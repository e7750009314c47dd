#include "threads/team.h"

#include <algorithm>

namespace fak {

Team::Team(int threads) : size_(std::min(std::max(threads, 1), kMaxThreads)), barrier_(size_) {
  try {
    threads_.reserve(static_cast<size_t>(size_));
    // Workers first: if one cannot be had, the leader has not begun and stop() speaks for it.
    for (int i = 1; i < size_; i++) threads_.emplace_back([this, i] { work(i); });
    threads_.emplace_back([this] { lead(); });
  } catch (...) {
    body_ = nullptr;
    start_.open();
    for (std::thread& thread : threads_) thread.join();
    throw;
  }
}

Team::~Team() { stop(); }

void Team::stop() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
  }
  queued_.notify_one();
  for (std::thread& thread : threads_) thread.join();
}

void Team::submit(std::function<void()> job) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    jobs_.push_back(std::move(job));
  }
  queued_.notify_one();
}

void Team::lead() {
  for (;;) {
    std::function<void()> job;
    {
      std::unique_lock<std::mutex> lock(mutex_);
      queued_.wait(lock, [&] { return stopping_ || !jobs_.empty(); });
      if (jobs_.empty()) break;
      job = std::move(jobs_.front());
      jobs_.pop_front();
    }
    job();
  }
  body_ = nullptr;
  start_.open();
}

void Team::run(const std::function<void(int, Barrier&)>& body) {
  body_ = &body;
  start_.open();
  body(0, barrier_);
  barrier_.arrive([] {});
}

void Team::work(int thread) {
  uint32_t seen = 0;
  for (;;) {
    start_.wait(seen);
    seen++;
    if (!body_) return;
    (*body_)(thread, barrier_);
    barrier_.arrive([] {});
  }
}

}  // namespace fak
