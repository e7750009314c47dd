// Pieces: counts what several units contribute to each of some pieces of a result, so that whoever brings the last part goes on with it.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

namespace fak {

class Pieces {
 public:
  explicit Pieces(int64_t count) : count_(count), parts_(new std::atomic<int64_t>[static_cast<size_t>(count)]) { reset(); }

  /// Adds to a piece that needs `all` parts; true for the one who completes it, who then sees what the others wrote. The next step
  /// begins from zero again.
  bool complete(int64_t piece, int64_t parts, int64_t all) const {
    std::atomic<int64_t>& have = parts_[static_cast<size_t>(piece)];
    if (have.fetch_add(parts, std::memory_order_acq_rel) + parts < all) return false;
    have.store(0, std::memory_order_relaxed);
    return true;
  }

  /// After a step that ended half-way.
  void reset() const {
    for (int64_t i = 0; i < count_; i++) parts_[static_cast<size_t>(i)].store(0, std::memory_order_relaxed);
  }

 private:
  const int64_t count_;
  const std::unique_ptr<std::atomic<int64_t>[]> parts_;
};

}  // namespace fak
