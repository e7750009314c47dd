#include "probe/machine.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <vector>

#include "executor/memory.h"

namespace fak {

namespace {

using Clock = std::chrono::steady_clock;

constexpr int kStretches = 5;
constexpr std::chrono::milliseconds kStretch{100};

/// Memory read: several times the last-level cache, within what any machine that runs a model has.
constexpr size_t kLeastMemory = size_t{256} << 20, kMostMemory = size_t{1} << 30;

/// Streams of a thread, as in the decode kernels: hardware prefetchers keep up with more than one.
constexpr int kStreams = 4;
/// Read from each stream between looks at the clock: about 20 microseconds.
constexpr size_t kPiece = size_t{64} << 10;
/// How far ahead each stream is prefetched, as in the decode kernels.
constexpr size_t kPrefetchBytes = 2304;

size_t memory_bytes() {
#ifdef _SC_LEVEL3_CACHE_SIZE
  const long cache = sysconf(_SC_LEVEL3_CACHE_SIZE);
  if (cache > 0) return std::min(std::max(4 * static_cast<size_t>(cache), kLeastMemory), kMostMemory);
#endif
  return kLeastMemory;
}

/// What one thread adds up, on a cache line of its own.
struct alignas(64) Share {
  double done;
  int32_t sink;
};

/// Runs `piece(thread, share)`, which does a little and returns how much, over and over on all threads; most per second in a stretch.
template <class Aborted, class Piece>
double best_rate(Team& team, const Aborted& aborted, const Piece& piece) {
  std::vector<Share> shares(static_cast<size_t>(team.size()), Share{});
  Clock::time_point start;
  double best = 0;
  team.run([&](int thread, Barrier& barrier) {
    Share& share = shares[static_cast<size_t>(thread)];
    for (int stretch = 0; stretch < kStretches; stretch++) {
      barrier.arrive([&] { start = Clock::now(); });
      share.done = 0;
      do share.done += piece(thread, share.sink);
      while (Clock::now() - start < kStretch && !aborted());
      barrier.arrive([&] {
        double done = 0;
        for (const Share& other : shares) done += other.done;
        best = std::max(best, done / std::chrono::duration<double>(Clock::now() - start).count());
      });
    }
  });
  return best;
}

uint64_t read_streams(const uint8_t* const at[kStreams]) {
  uint64_t sum = 0;
  for (size_t i = 0; i < kPiece; i += kAlignment) {
    for (int s = 0; s < kStreams; s++) {
      __builtin_prefetch(at[s] + i + kPrefetchBytes);
      uint64_t line[kAlignment / 8];
      std::memcpy(line, at[s] + i, kAlignment);
      for (const uint64_t word : line) sum ^= word;
    }
  }
  return sum;
}

}  // namespace

ProbeOutcome measure_machine(Team& team, const ProbeKernels& kernels, const int32_t* abort, MachineRates& rates) {
  Memory memory;
  if (!memory.allocate(memory_bytes())) return ProbeOutcome::OutOfMemory;
  const size_t pieces = memory.bytes() / kPiece / kStreams / static_cast<size_t>(team.size());
  if (pieces == 0) return ProbeOutcome::OutOfMemory;
  const size_t stream = pieces * kPiece;
  std::vector<size_t> next(static_cast<size_t>(team.size()) * kAlignment, 0);  // of each thread, on lines of their own

  const auto aborted = [&] { return abort && __atomic_load_n(abort, __ATOMIC_RELAXED) != 0; };
  // Written by the thread that reads it: untouched pages would all be one page of zeros.
  team.run([&](int thread, Barrier&) {
    uint8_t* const share = memory.data() + static_cast<size_t>(thread) * kStreams * stream;
    for (size_t i = 0; i < kStreams * stream && !aborted(); i += kPiece) std::memset(share + i, thread + 1, kPiece);
  });
  rates.bandwidth = best_rate(team, aborted, [&](int thread, int32_t& sink) {
    size_t& piece = next[static_cast<size_t>(thread) * kAlignment];
    const uint8_t* at[kStreams];
    for (int s = 0; s < kStreams; s++)
      at[s] = memory.data() + (static_cast<size_t>(thread) * kStreams + static_cast<size_t>(s)) * stream + piece * kPiece;
    sink ^= static_cast<int32_t>(read_streams(at));
    piece = (piece + 1) % pieces;
    return static_cast<double>(kStreams * kPiece);
  });
  rates.mac_rate = best_rate(team, aborted, [&](int, int32_t& sink) { return static_cast<double>(kernels.multiply(&sink)); });
  return aborted() ? ProbeOutcome::Aborted : ProbeOutcome::Done;
}

}  // namespace fak
