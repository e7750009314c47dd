// What this machine can do at most with a team of threads: how fast it reads memory, which bounds decoding, and how fast it
// multiplies quants, which bounds prefill. Speeds of the engine are judged against these.
#pragma once

#include <chrono>

#include "kernels.h"
#include "threads/team.h"

namespace fak {

struct MachineRates {
  double bandwidth = 0;  ///< bytes read from memory per second, all threads together
  double mac_rate = 0;   ///< multiply-adds of int8 per second, all threads together
};

enum class ProbeOutcome : uint8_t { Done, Aborted, OutOfMemory };

/// Measures each of the two rates for `time` after filling the memory to read, on the leader of the team, inside a job. The best of several
/// stretches counts, and of several patterns of reading: neighbours on the machine only ever slow a stretch down. Reading is a matter of
/// the machine alone, so `fastest` has the kernel for it. `abort` becomes non-zero to end it early; null if it cannot be.
ProbeOutcome measure_machine(Team& team, const ProbeKernels& kernels, const ProbeKernels& fastest, std::chrono::milliseconds time,
                             const int32_t* abort, MachineRates& rates);

}  // namespace fak
