#include "executor/state.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "kernels.h"
#include "ops/cache_row.h"

namespace fak {

/// kAttentionBlock rows of one cache.
class State::Page {
 public:
  Page(size_t bytes, std::shared_ptr<StateUsage> usage) : usage_(std::move(usage)) {
    if (!memory_.allocate(bytes)) throw std::bad_alloc();
    usage_->add(memory_.bytes());
  }
  ~Page() { usage_->remove(memory_.bytes()); }
  Page(const Page&) = delete;
  Page& operator=(const Page&) = delete;
  uint8_t* data() const { return memory_.data(); }
  size_t bytes() const { return memory_.bytes(); }

 private:
  std::shared_ptr<StateUsage> usage_;
  Memory memory_;
};

State::State(const std::vector<StateInfo>& infos, CacheType type, std::shared_ptr<StateUsage> usage, bool zeroed)
    : infos_(infos), type_(type), usage_(std::move(usage)), arrays_(infos.size()), caches_(infos.size()) {
  for (size_t i = 0; i < infos_.size(); i++) {
    if (infos_[i].kv) continue;
    if (!arrays_[i].allocate(static_cast<size_t>(infos_[i].elements) * sizeof(float))) throw std::bad_alloc();
    recurrent_floats_ += infos_[i].elements;
    recurrent_bytes_ += arrays_[i].bytes();
  }
  usage_->add(recurrent_bytes_);
  if (zeroed) reset();
}

State::~State() { usage_->remove(recurrent_bytes_); }

bool State::holds(int64_t positions) const {
  if (positions < 0) return false;
  for (size_t i = 0; i < infos_.size(); i++)
    if (infos_[i].kv && static_cast<int64_t>(caches_[i].pages.size()) * kAttentionBlock < positions) return false;
  return true;
}

std::unique_ptr<State> State::fork(int64_t positions) const try {
  auto copy = std::make_unique<State>(infos_, type_, usage_, false);
  const size_t count = static_cast<size_t>((positions + kAttentionBlock - 1) / kAttentionBlock);
  for (size_t i = 0; i < infos_.size(); i++) {
    if (infos_[i].kv) {
      copy->caches_[i].pages.assign(caches_[i].pages.begin(), caches_[i].pages.begin() + static_cast<std::ptrdiff_t>(count));
      copy->caches_[i].addresses.assign(caches_[i].addresses.begin(),
                                        caches_[i].addresses.begin() + static_cast<std::ptrdiff_t>(count));
    } else {
      std::memcpy(copy->arrays_[i].data(), arrays_[i].data(), arrays_[i].bytes());
    }
  }
  copy->count_bytes();
  return copy;
} catch (const std::bad_alloc&) {
  return nullptr;
}

bool State::reserve(int64_t positions, int64_t kept) {
  const size_t first = static_cast<size_t>(kept / kAttentionBlock);
  const size_t count = static_cast<size_t>((positions + kAttentionBlock - 1) / kAttentionBlock);
  bool all = true;
  for (size_t i = 0; all && i < infos_.size(); i++)
    for (size_t page = first; all && infos_[i].kv && page < count; page++)
      all = own_page(i, page, page == first && kept % kAttentionBlock != 0);
  count_bytes();
  return all;
}

/// Makes sure that a page exists and that nobody else reads it; `keep` what it has.
bool State::own_page(size_t index, size_t page, bool keep) try {
  Cache& cache = caches_[index];
  if (page < cache.pages.size() && cache.pages[page].use_count() == 1) {
    // Whoever gave up the page last has stopped reading it.
    std::atomic_thread_fence(std::memory_order_acquire);
    return true;
  }
  std::shared_ptr<Page> own = new_page(index);
  if (page < cache.pages.size()) {
    if (keep) std::memcpy(own->data(), cache.pages[page]->data(), own->bytes());
    cache.addresses[page] = own->data();
    cache.pages[page] = std::move(own);
  } else {
    cache.addresses.reserve(page + 1);
    cache.pages.push_back(own);
    cache.addresses.push_back(own->data());
  }
  return true;
} catch (const std::bad_alloc&) {
  return false;
}

std::shared_ptr<State::Page> State::new_page(size_t index) const {
  const StateInfo& info = infos_[index];
  return std::make_shared<Page>(static_cast<size_t>(info.heads) * cache_head_bytes(type_, info.elements / info.heads), usage_);
}

void State::count_bytes() {
  size_t bytes = recurrent_bytes_;
  for (const Cache& cache : caches_)
    for (const auto& page : cache.pages) bytes += page->bytes();
  bytes_ = bytes;
}

void State::reset() {
  for (size_t i = 0; i < infos_.size(); i++) {
    if (infos_[i].kv) {
      caches_[i] = Cache();
    } else {
      std::memset(arrays_[i].data(), 0, arrays_[i].bytes());
    }
  }
  count_bytes();
  lost = false;
}

size_t State::array_bytes(size_t index, int64_t positions) const {
  const StateInfo& info = infos_[index];
  if (!info.kv) return static_cast<size_t>(info.elements) * sizeof(float);
  return static_cast<size_t>(positions * info.heads) * cache_row_bytes(type_, info.elements / info.heads);
}

template <class Copy>
void State::each_cache_row(size_t index, int64_t positions, Copy copy) const {
  const int64_t heads = infos_[index].heads, D = infos_[index].elements / heads;
  size_t at = 0;
  for (int64_t position = 0; position < positions; position++) {
    uint8_t* head = caches_[index].addresses[static_cast<size_t>(position / kAttentionBlock)];
    for (int64_t h = 0; h < heads; h++, head += cache_head_bytes(type_, D), at += cache_row_bytes(type_, D))
      copy(head, position % kAttentionBlock, D, at);
  }
}

void State::read(size_t index, int64_t positions, uint8_t* to) const {
  if (!infos_[index].kv) {
    std::memcpy(to, arrays_[index].data(), array_bytes(index, positions));
    return;
  }
  each_cache_row(index, positions,
                 [&](uint8_t* head, int64_t row, int64_t D, size_t at) { read_cache_row(type_, head, row, D, to + at); });
}

void State::write(size_t index, int64_t positions, const uint8_t* from) {
  if (!infos_[index].kv) {
    std::memcpy(arrays_[index].data(), from, array_bytes(index, positions));
    return;
  }
  each_cache_row(index, positions,
                 [&](uint8_t* head, int64_t row, int64_t D, size_t at) { write_cache_row(type_, head, row, D, from + at); });
}

void State::save(float* to, int64_t begin, int64_t end) const {
  int64_t at = 0;
  for (size_t i = 0; i < infos_.size(); i++) {
    if (infos_[i].kv) continue;
    const int64_t from = std::max(begin, at), until = std::min(end, at + infos_[i].elements);
    if (from < until)
      std::memcpy(to + from, arrays_[i].floats() + (from - at), static_cast<size_t>(until - from) * sizeof(float));
    at += infos_[i].elements;
  }
}

void State::restore(const float* from) {
  for (size_t i = 0; i < infos_.size(); i++) {
    if (infos_[i].kv) continue;
    std::memcpy(arrays_[i].data(), from, static_cast<size_t>(infos_[i].elements) * sizeof(float));
    from += infos_[i].elements;
  }
}

}  // namespace fak
