#include "executor/schedule.h"

#include <algorithm>

#include "executor/memory.h"

namespace fak {

namespace {

/// How much of each op a step needs.
enum class Need : uint8_t { Nothing, States, All };

std::vector<Need> needs(const Program& program, const Tasks& tasks, bool with_outputs) {
  std::vector<Need> need(program.ops.size(), Need::Nothing);
  std::vector<bool> wanted(program.values.size(), false);
  // Pinned values of T rows are taps: they are wanted even when no output row is.
  for (const int id : program.pinned)
    if (with_outputs || program.values[static_cast<size_t>(id)].rows.code != RowCount::kR)
      wanted[static_cast<size_t>(id)] = true;
  for (size_t i = program.ops.size(); i-- > 0;) {
    const OpNode& node = program.ops[i];
    const std::vector<int>& state_inputs = tasks.ops[i].state_inputs;
    if (wanted[static_cast<size_t>(node.output)] || (!node.states.empty() && state_inputs.empty())) {
      need[i] = Need::All;
      for (const int id : node.inputs) wanted[static_cast<size_t>(id)] = true;
    } else if (!node.states.empty()) {
      need[i] = Need::States;
      for (const int input : state_inputs) wanted[static_cast<size_t>(node.inputs[static_cast<size_t>(input)])] = true;
    }
  }
  return need;
}

}  // namespace

Schedule make_schedule(const Program& program, const Tasks& tasks, bool with_outputs) {
  const std::vector<Need> need = needs(program, tasks, with_outputs);
  std::vector<bool> prepared(tasks.preparations.size(), false);
  Schedule schedule;
  for (const std::vector<int>& phase : program.phases) {
    std::vector<Stage> before;  // by depth
    Stage main, last;
    for (const int op : phase) {
      const PlannedOp& planned = tasks.ops[static_cast<size_t>(op)];
      if (need[static_cast<size_t>(op)] == Need::Nothing) continue;
      const int name = program.ops[static_cast<size_t>(op)].parts.back();
      for (const int preparation : planned.preparations) {
        if (prepared[static_cast<size_t>(preparation)]) continue;
        prepared[static_cast<size_t>(preparation)] = true;
        const auto& [task, key, depth] = tasks.preparations[static_cast<size_t>(preparation)];
        before.resize(std::max(before.size(), static_cast<size_t>(depth) + 1));
        before[static_cast<size_t>(depth)].push_back({task.get(), name});
      }
      if (need[static_cast<size_t>(op)] != Need::All) continue;
      main.push_back({planned.main.get(), name});
      if (planned.last) last.push_back({planned.last.get(), name});
    }
    for (const Stage& stage : before)
      if (!stage.empty()) schedule.push_back(stage);
    for (const Stage& stage : {main, last})
      if (!stage.empty()) schedule.push_back(stage);
  }
  return schedule;
}

size_t place_preparations(const Program& program, const Tasks& tasks) {
  struct Life {
    Task* task;
    int first, last;
  };
  std::vector<Life> lives;
  for (const auto& preparation : tasks.preparations) lives.push_back({preparation.task.get(), -1, -1});
  for (size_t phase = 0; phase < program.phases.size(); phase++)
    for (const int op : program.phases[phase])
      for (const int preparation : tasks.ops[static_cast<size_t>(op)].preparations) {
        Life& life = lives[static_cast<size_t>(preparation)];
        if (life.first < 0) life.first = static_cast<int>(phase);
        life.last = static_cast<int>(phase);
      }
  // Largest first, each at the lowest place that is free for its whole life.
  std::stable_sort(lives.begin(), lives.end(),
                   [](const Life& a, const Life& b) { return a.task->shared_bytes > b.task->shared_bytes; });
  std::vector<Life> placed;  // by place
  size_t total = 0;
  for (const Life& life : lives) {
    size_t at = 0;
    const size_t bytes = align_up(life.task->shared_bytes);
    for (const Life& other : placed) {
      if (other.first > life.last || other.last < life.first) continue;
      if (other.task->shared_offset >= at + bytes) break;
      at = std::max(at, other.task->shared_offset + align_up(other.task->shared_bytes));
    }
    life.task->shared_offset = at;
    total = std::max(total, at + bytes);
    placed.insert(std::find_if(placed.begin(), placed.end(), [&](const Life& o) { return o.task->shared_offset > at; }), life);
  }
  return total;
}

bool Timetable::fits(const Step& step) const {
  if (static_cast<int64_t>(cut_for_.size()) != step.part_count) return false;
  for (int64_t i = 0; i < step.part_count; i++) {
    const auto& [T, R, P] = cut_for_[static_cast<size_t>(i)];
    const Step& part = step.parts[i];
    if (T != part.T || R != part.R || part.P < P || part.P >= 2 * P + kKeptPositions) return false;
  }
  return true;
}

void Timetable::add(const ScheduledTask& scheduled, int64_t part, const Step& step, std::vector<double>& cost) {
  const Work work = scheduled.task->work(step);
  if (work.units == 0) return;
  entries_.push_back({scheduled, part, work.units, 1, 0});
  cost.push_back(work.cost);
}

Timetable::Timetable(const Schedule& schedule, const Step& step) {
  for (int64_t i = 0; i < step.part_count; i++) cut_for_.push_back({step.parts[i].T, step.parts[i].R, step.parts[i].P});
  for (const Stage& stage : schedule) {
    const size_t begin = entries_.size();
    std::vector<double> cost;
    for (const ScheduledTask& scheduled : stage) {
      if (!scheduled.task->by_sequence()) {
        add(scheduled, -1, step, cost);
      } else {
        for (int64_t i = 0; i < step.part_count; i++) add(scheduled, i, step.parts[i], cost);
      }
    }
    if (entries_.size() == begin) continue;
    double total = 0;
    for (size_t i = begin; i < entries_.size(); i++) total += static_cast<double>(entries_[i].units) * cost[i - begin];

    // Even a lone thread works in chunks, so that an abort is seen inside a long task.
    const double chunk = std::max(kShortestChunkNs, total / (step.threads * kChunksPerThread));
    int64_t chunks = 0;
    for (size_t i = begin; i < entries_.size(); i++) {
      Entry& entry = entries_[i];
      const double grain = chunk / std::max(cost[i - begin], 1.0);
      entry.grain = std::max<int64_t>(1, std::min(entry.units, static_cast<int64_t>(grain)));
      entry.first_chunk = chunks;
      chunks += entry.chunks();
    }
    const bool serial = step.threads == 1 || total < kSerialNs || chunks == 1;
    if (serial && !slots_.empty() && slots_.back().serial) {
      slots_.back().end = entries_.size();
    } else {
      slots_.push_back({begin, entries_.size(), serial ? 1 : chunks, serial});
    }
  }
}

}  // namespace fak
