#include "executor/plan.h"

#include <algorithm>

#include "executor/memory.h"

namespace fak {

namespace {

/// From the phase that writes a value to the last one that reads it, both included.
struct Life {
  int value, first, last;
  size_t bytes;
};

class Planner {
 public:
  explicit Planner(Program& program) : program_(program), writer_(program.values.size(), -1) {
    for (size_t i = 0; i < program.ops.size(); i++) writer_[static_cast<size_t>(program.ops[i].output)] = static_cast<int>(i);
  }

  void find_phases() {
    program_.phases.clear();
    std::vector<int> value_ready(program_.values.size(), 0), state_ready(program_.states.size(), 0);
    for (size_t i = 0; i < program_.ops.size(); i++) {
      const OpNode& op = program_.ops[i];
      int phase = 0;
      for (const int id : op.inputs) phase = std::max(phase, value_ready[static_cast<size_t>(id)]);
      for (const int state : op.states) phase = std::max(phase, state_ready[static_cast<size_t>(state)]);
      // An inlined op is done by those who read it: they can begin when it could.
      value_ready[static_cast<size_t>(op.output)] = op.inlined ? phase : phase + 1;
      if (op.inlined) continue;
      for (const int state : op.states) state_ready[static_cast<size_t>(state)] = phase + 1;
      if (program_.phases.size() <= static_cast<size_t>(phase)) program_.phases.resize(static_cast<size_t>(phase) + 1);
      program_.phases[static_cast<size_t>(phase)].push_back(static_cast<int>(i));
    }
  }

  void find_places() {
    std::vector<Life> lives(program_.values.size(), {-1, 0, 0, 0});
    for (size_t phase = 0; phase < program_.phases.size(); phase++)
      for (const int i : program_.phases[phase]) {
        const OpNode& op = program_.ops[static_cast<size_t>(i)];
        const Value& value = program_.values[static_cast<size_t>(op.output)];
        const size_t bytes = static_cast<size_t>(value.rows.of(program_.max_tokens, program_.max_tokens) * value.columns) * sizeof(float);
        lives[static_cast<size_t>(op.output)] = {op.output, static_cast<int>(phase), static_cast<int>(phase), align_up(bytes)};
        for (const int id : op.inputs) read(lives, id, static_cast<int>(phase));
      }
    for (const int id : program_.pinned) lives[static_cast<size_t>(id)].value = -1;
    lives.erase(std::remove_if(lives.begin(), lives.end(), [](const Life& life) { return life.value < 0; }), lives.end());
    // Largest first, each at the lowest place that is free for its whole life.
    std::stable_sort(lives.begin(), lives.end(), [](const Life& a, const Life& b) { return a.bytes > b.bytes; });
    program_.arena_bytes = 0;
    std::vector<Life> placed;  // by place
    for (const Life& life : lives) {
      size_t at = 0;
      for (const Life& other : placed) {
        if (other.first > life.last || other.last < life.first) continue;
        if (place(other) >= at + life.bytes) break;
        at = std::max(at, place(other) + other.bytes);
      }
      place(life) = at;
      program_.arena_bytes = std::max(program_.arena_bytes, at + life.bytes);
      placed.insert(std::find_if(placed.begin(), placed.end(), [&](const Life& other) { return place(other) > at; }), life);
    }
  }

 private:
  size_t& place(const Life& life) { return program_.values[static_cast<size_t>(life.value)].offset; }

  /// Reading what is inlined is reading what that reads.
  void read(std::vector<Life>& lives, int value, int phase) const {
    const int writer = writer_[static_cast<size_t>(value)];
    if (writer >= 0 && program_.ops[static_cast<size_t>(writer)].inlined) {
      for (const int id : program_.ops[static_cast<size_t>(writer)].inputs) read(lives, id, phase);
    } else {
      lives[static_cast<size_t>(value)].last = std::max(lives[static_cast<size_t>(value)].last, phase);
    }
  }

  Program& program_;
  std::vector<int> writer_;  ///< by value; -1 for weights and tokens
};

}  // namespace

void plan(Program& program) {
  Planner planner(program);
  planner.find_phases();
  planner.find_places();
}

}  // namespace fak
