// Memory: an aligned block that frees itself, and can fail to be had without throwing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <utility>

namespace fak {

/// A cache line, and the widest vector.
constexpr size_t kAlignment = 64;

constexpr size_t align_up(size_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

class Memory {
 public:
  Memory() = default;
  ~Memory() { std::free(data_); }
  Memory(Memory&& other) noexcept : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  Memory& operator=(Memory&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }

  /// Gives up what it held and takes a fresh block of unspecified content; false when there is no room (it then holds nothing).
  bool allocate(size_t bytes) {
    std::free(data_);
    bytes_ = align_up(bytes);
    data_ = bytes_ == 0 ? nullptr : static_cast<uint8_t*>(std::aligned_alloc(kAlignment, bytes_));
    if (data_ == nullptr && bytes_ > 0) {
      bytes_ = 0;
      return false;
    }
    return true;
  }

  uint8_t* data() const { return data_; }
  float* floats() const { return reinterpret_cast<float*>(data_); }
  size_t bytes() const { return bytes_; }

 private:
  uint8_t* data_ = nullptr;
  size_t bytes_ = 0;
};

}  // namespace fak
