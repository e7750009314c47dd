#include "executor/state.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <new>

namespace fak {

namespace {

/// Rows that a cache begins with.
constexpr int64_t kFirstRows = 64;

}  // namespace

State::State(const std::vector<StateInfo>& infos) : infos_(infos), memory_(infos.size()) {
  size_t bytes = 0;
  for (size_t i = 0; i < infos_.size(); i++) {
    if (infos_[i].kv) continue;
    if (!memory_[i].allocate(static_cast<size_t>(infos_[i].elements) * sizeof(float))) throw std::bad_alloc();
    recurrent_floats_ += infos_[i].elements;
    bytes += memory_[i].bytes();
  }
  bytes_ = bytes;
  reset();
}

bool State::reserve(int64_t positions, int64_t kept) {
  if (positions <= capacity_) return true;
  const int64_t rows = std::max({positions, 2 * capacity_, kFirstRows});
  // All new blocks before any change, so that running out of memory leaves the state as it was.
  std::vector<Memory> grown(infos_.size());
  size_t bytes = 0;
  for (size_t i = 0; i < infos_.size(); i++) {
    if (infos_[i].kv) {
      const size_t row = static_cast<size_t>(infos_[i].elements) * sizeof(float);
      if (static_cast<size_t>(rows) > std::numeric_limits<size_t>::max() / 2 / row) return false;
      if (!grown[i].allocate(static_cast<size_t>(rows) * row)) return false;
    }
    bytes += infos_[i].kv ? grown[i].bytes() : memory_[i].bytes();
  }
  for (size_t i = 0; i < infos_.size(); i++) {
    if (!infos_[i].kv) continue;
    if (kept > 0) std::memcpy(grown[i].data(), memory_[i].data(), static_cast<size_t>(kept * infos_[i].elements) * sizeof(float));
    memory_[i] = std::move(grown[i]);
  }
  capacity_ = rows;
  bytes_ = bytes;
  return true;
}

void State::reset() {
  for (size_t i = 0; i < infos_.size(); i++)
    if (!infos_[i].kv) std::memset(memory_[i].data(), 0, memory_[i].bytes());
  lost = false;
}

void State::save(float* to, int64_t begin, int64_t end) const {
  int64_t at = 0;
  for (size_t i = 0; i < infos_.size(); i++) {
    if (infos_[i].kv) continue;
    const int64_t from = std::max(begin, at), until = std::min(end, at + infos_[i].elements);
    if (from < until)
      std::memcpy(to + from, memory_[i].floats() + (from - at), static_cast<size_t>(until - from) * sizeof(float));
    at += infos_[i].elements;
  }
}

void State::restore(const float* from) {
  for (size_t i = 0; i < infos_.size(); i++) {
    if (infos_[i].kv) continue;
    std::memcpy(memory_[i].data(), from, static_cast<size_t>(infos_[i].elements) * sizeof(float));
    from += infos_[i].elements;
  }
}

}  // namespace fak
