// Mapping: a weight file mapped for reading, shared by everybody in the process who maps the same file. The descriptor stays open, so
// that a file that shrank or was written to is noticed before and after each step; one that was replaced by renaming is not affected.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace fak {

class Mapping {
 public:
  /// Maps a regular file. @throws std::system_error when it cannot be opened or mapped.
  static std::shared_ptr<Mapping> open(const std::string& path);
  ~Mapping();
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  const uint8_t* data() const { return data_; }
  size_t bytes() const { return bytes_; }

  /// Whether size or modification time differ from when it was mapped.
  bool changed() const;

 private:
  Mapping() = default;
  int descriptor_ = -1;
  const uint8_t* data_ = nullptr;
  size_t bytes_ = 0;
  int64_t modified_seconds_ = 0;
  int64_t modified_nanoseconds_ = 0;
};

}  // namespace fak
