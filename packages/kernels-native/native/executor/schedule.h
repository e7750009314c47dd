// Schedule: the tasks of a Program in stages. Tasks of one stage are independent; stages run in order. Made once. Timetable: a schedule
// cut into chunks for the T and R of every sequence of a step; stages too small to share are strung together for one thread.
#pragma once

#include <vector>

#include "ops/op.h"

namespace fak {

/// A task and the name of the op it belongs to in messages.
struct ScheduledTask {
  const Task* task;
  int op;
};

using Stage = std::vector<ScheduledTask>;
using Schedule = std::vector<Stage>;

/// Stages of all phases: before the ops of a phase, what they need prepared and is not yet there. Without outputs, ops that feed only
/// outputs are left out (R = 0).
Schedule make_schedule(const Program& program, const Tasks& tasks, bool with_outputs);

/// Gives every preparation a place that lasts from its first reader to its last; returns the bytes needed for all.
size_t place_preparations(const Program& program, const Tasks& tasks);

/// A chunk is a run of units of one task, and of one sequence where the task asks for that; slots hold chunks that any thread may claim, or a string of tasks for one thread.
class Timetable {
 public:
  /// Stages that take less than this are not worth a barrier on each side.
  static constexpr double kSerialNs = 8000;
  /// Chunks of one claim: long enough that claiming is nothing, short enough that the last one is not waited for.
  static constexpr double kShortestChunkNs = 2000, kChunksPerThread = 8;

  Timetable(const Schedule& schedule, const Step& step);

  struct Entry {
    ScheduledTask scheduled;
    int64_t part;  ///< of the step; -1 for all of it
    int64_t units, grain, first_chunk;
    const Step& of(const Step& step) const { return part < 0 ? step : step.parts[part]; }
    int64_t chunks() const { return (units + grain - 1) / grain; }
  };
  struct Slot {
    size_t begin, end;  ///< entries
    int64_t chunks;     ///< 1 for a serial slot
    bool serial;
  };

  const std::vector<Slot>& slots() const { return slots_; }
  const Entry& entry(size_t index) const { return entries_[index]; }
  size_t entries() const { return entries_.size(); }
  /// Whether it serves a step as well. Attention grows with the position, so a cut is not kept for ever.
  bool fits(const Step& step) const;

 private:
  static constexpr int64_t kKeptPositions = 64;
  void add(const ScheduledTask& scheduled, int64_t part, const Step& step, std::vector<double>& cost);

  struct Scalars {
    int64_t T, R, P;
  };
  std::vector<Scalars> cut_for_;  ///< by sequence
  std::vector<Entry> entries_;
  std::vector<Slot> slots_;
};

}  // namespace fak
