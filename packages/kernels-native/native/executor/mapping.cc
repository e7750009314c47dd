#include "executor/mapping.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <map>
#include <mutex>
#include <system_error>
#include <utility>

namespace fak {

namespace {

std::system_error failure(int code, const std::string& what) {
  return std::system_error(code, std::generic_category(), what);
}

std::pair<int64_t, int64_t> modified(const struct stat& s) {
#if defined(__APPLE__)
  return {s.st_mtimespec.tv_sec, s.st_mtimespec.tv_nsec};
#else
  return {s.st_mtim.tv_sec, s.st_mtim.tv_nsec};
#endif
}

using FileKey = std::pair<dev_t, ino_t>;

struct Registry {
  std::mutex mutex;
  std::map<FileKey, std::weak_ptr<Mapping>> open;
};

/// Never destroyed: a mapping may outlive the end of main on another thread.
Registry& registry() {
  static Registry* const instance = new Registry;
  return *instance;
}

}  // namespace

std::shared_ptr<Mapping> Mapping::open(const std::string& path) {
  std::shared_ptr<Mapping> mapping(new Mapping);
  mapping->descriptor_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (mapping->descriptor_ < 0) throw failure(errno, "cannot open");
  struct stat s;
  if (fstat(mapping->descriptor_, &s) != 0) throw failure(errno, "cannot examine");
  if (!S_ISREG(s.st_mode)) throw failure(EINVAL, "not a regular file");
  std::tie(mapping->modified_seconds_, mapping->modified_nanoseconds_) = modified(s);
  mapping->bytes_ = static_cast<size_t>(s.st_size);

  Registry& all = registry();
  std::lock_guard<std::mutex> lock(all.mutex);
  std::weak_ptr<Mapping>& entry = all.open[FileKey(s.st_dev, s.st_ino)];
  const std::shared_ptr<Mapping> known = entry.lock();
  if (known && !known->changed()) return known;

  if (mapping->bytes_ > 0) {
    void* address = mmap(nullptr, mapping->bytes_, PROT_READ, MAP_SHARED, mapping->descriptor_, 0);
    if (address == MAP_FAILED) throw failure(errno, "cannot map");
    mapping->data_ = static_cast<const uint8_t*>(address);
  }
  entry = mapping;
  for (auto it = all.open.begin(); it != all.open.end();) it = it->second.expired() ? all.open.erase(it) : std::next(it);
  return mapping;
}

Mapping::~Mapping() {
  if (data_) munmap(const_cast<uint8_t*>(data_), bytes_);
  if (descriptor_ >= 0) close(descriptor_);
}

bool Mapping::changed() const {
  struct stat s;
  if (fstat(descriptor_, &s) != 0) return true;
  return static_cast<size_t>(s.st_size) != bytes_ || modified(s) != std::pair(modified_seconds_, modified_nanoseconds_);
}

}  // namespace fak
