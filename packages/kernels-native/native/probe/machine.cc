#include "probe/machine.h"

#include <unistd.h>
#if defined(__linux__)
#include <sys/mman.h>
#endif

#include <algorithm>
#include <cstring>
#include <vector>

#include "executor/memory.h"

namespace fak {

namespace {

using Clock = std::chrono::steady_clock;

/// Memory read: several times the last-level cache, within what any machine that runs a model has.
constexpr size_t kLeastMemory = size_t{256} << 20, kMostMemory = size_t{1} << 30;

/// Linear streams that a thread reads side by side. Which number is fastest depends on the machine's prefetchers and on its neighbours, so
/// each gets its stretches.
constexpr int kPatterns[] = {1, 2, 4};
constexpr int kMostStreams = 4;
constexpr int kStretchesPerPattern = 2, kStretches = 6;
/// Read from each stream between looks at the clock.
constexpr size_t kPiece = size_t{64} << 10;
/// Streams begin this much more than an even share apart. At a large power of two they would meet in the same sets and the same banks of
/// memory, which costs a third of the rate (AMD Zen 4).
constexpr size_t kSkew = 65 * kAlignment;
/// The kernel gives pages of this size where it may; with small ones a tenth of the time goes to address translation.
constexpr size_t kHugePage = size_t{2} << 20;

size_t memory_bytes() {
#ifdef _SC_LEVEL3_CACHE_SIZE
  const long cache = sysconf(_SC_LEVEL3_CACHE_SIZE);
  if (cache > 0) return std::min(std::max(4 * static_cast<size_t>(cache), kLeastMemory), kMostMemory);
#endif
  return kLeastMemory;
}

/// The first huge page boundary in a block that has one more than is needed; asks for huge pages from there on.
uint8_t* with_huge_pages(const Memory& memory) {
  uint8_t* const at = reinterpret_cast<uint8_t*>((reinterpret_cast<uintptr_t>(memory.data()) + kHugePage - 1) / kHugePage * kHugePage);
#if defined(MADV_HUGEPAGE)
  // Only a wish: without it the rate is a little lower, and so is that of anything else here.
  (void)madvise(at, memory.bytes() - kHugePage, MADV_HUGEPAGE);
#endif
  return at;
}

/// What one thread adds up, on a cache line of its own.
struct alignas(64) Share {
  double done;
  int32_t sink;
  size_t piece;  ///< of its streams, the next to read
};

/// Runs `piece(thread, share)`, which does a little and returns how much, over and over on all threads; most per second in a stretch.
template <class Aborted, class Piece>
double best_rate(Team& team, int stretches, Clock::duration stretch, const Aborted& aborted, const Piece& piece) {
  std::vector<Share> shares(static_cast<size_t>(team.size()), Share{});
  Clock::time_point start;
  double best = 0;
  team.run([&](int thread, Barrier& barrier) {
    Share& share = shares[static_cast<size_t>(thread)];
    for (int i = 0; i < stretches; i++) {
      barrier.arrive([&] { start = Clock::now(); });
      share.done = 0;
      do share.done += piece(thread, share);
      while (Clock::now() - start < stretch && !aborted());
      barrier.arrive([&] {
        double done = 0;
        for (const Share& other : shares) done += other.done;
        best = std::max(best, done / std::chrono::duration<double>(Clock::now() - start).count());
      });
    }
  });
  return best;
}

}  // namespace

ProbeOutcome measure_machine(Team& team, const ProbeKernels& kernels, const ProbeKernels& fastest, std::chrono::milliseconds time,
                             const int32_t* abort, MachineRates& rates) {
  Memory memory;
  // Of each thread: streams that all begin on a cache line.
  const size_t bytes = memory_bytes(), line = kMostStreams * kAlignment, share = bytes / static_cast<size_t>(team.size()) / line * line;
  if (share / kMostStreams < kPiece + kMostStreams * kSkew || !memory.allocate(bytes + kHugePage)) return ProbeOutcome::OutOfMemory;
  uint8_t* const data = with_huge_pages(memory);

  const auto aborted = [&] { return abort && __atomic_load_n(abort, __ATOMIC_RELAXED) != 0; };
  // Written by the thread that reads it: untouched pages would all be one page of zeros.
  team.run([&](int thread, Barrier&) {
    uint8_t* const mine = data + static_cast<size_t>(thread) * share;
    for (size_t i = 0; i + kPiece <= share && !aborted(); i += kPiece) std::memset(mine + i, thread + 1, kPiece);
  });
  const Clock::duration stretch = Clock::duration(time) / kStretches;
  for (const int streams : kPatterns) {
    const size_t apart = share / static_cast<size_t>(streams), pieces = (apart - kMostStreams * kSkew) / kPiece;
    const double rate = best_rate(team, kStretchesPerPattern, stretch, aborted, [&](int thread, Share& own) {
      const uint8_t* at[kMostStreams];
      for (int s = 0; s < streams; s++)
        at[s] = data + static_cast<size_t>(thread) * share + static_cast<size_t>(s) * (apart + kSkew) + own.piece * kPiece;
      fastest.read(at, streams, kPiece, &own.sink);
      own.piece = (own.piece + 1) % pieces;
      return static_cast<double>(static_cast<size_t>(streams) * kPiece);
    });
    rates.bandwidth = std::max(rates.bandwidth, rate);
  }
  rates.mac_rate = best_rate(team, kStretches, stretch, aborted,
                             [&](int, Share& own) { return static_cast<double>(kernels.multiply(&own.sink)); });
  return aborted() ? ProbeOutcome::Aborted : ProbeOutcome::Done;
}

}  // namespace fak
