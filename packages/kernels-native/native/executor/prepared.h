// Prepared: a Program with its weights, arena and schedule, run by a team. One step at a time, of one sequence or several; the team's queue
// sees to that.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "executor/mapping.h"
#include "executor/profile.h"
#include "executor/schedule.h"
#include "executor/state.h"
#include "threads/team.h"

namespace fak {

/// What keeps the addresses of a Program's weights valid: files mapped, and blocks of its own.
struct WeightMemory {
  std::vector<std::shared_ptr<Mapping>> mappings;
  std::vector<Memory> blocks;
};

/// What one sequence takes of a step. All pointers stay valid until run() returns.
struct Request {
  State* state = nullptr;
  int64_t position = 0;
  const uint32_t* tokens = nullptr;
  int64_t count = 0;               ///< tokens, 1 to max_tokens
  int64_t rows = 0;                ///< R
  const int32_t* abort = nullptr;  ///< becomes non-zero to end the step early; null if it cannot be
};

/// A step of some sequences at once: different states, and together 1 to max_tokens tokens.
struct Batch {
  std::vector<Request> requests;
  /// Where to write each of Program::pinned, or to read it where no op writes it: the rows of all sequences one after the other. When some never
  /// begin (StateLost, OutOfMemory), the rows of those behind them move up, in what is read as well.
  std::vector<float*> pinned;
  StepProfile* profile = nullptr;  ///< filled when a sequence is Done; null for nobody to look at a clock
};

struct Response {
  Outcome outcome;
  int op;  ///< where it failed, or -1
};

class Prepared {
 public:
  /// @throws std::bad_alloc, std::runtime_error
  Prepared(Program program, WeightMemory weights, const KernelTable& kernels, std::shared_ptr<Team> team);

  /// On the team's leader. Each sequence ends by itself, all or nothing: unless it is Done, its state is what it was, or, after a step of one
  /// token, `lost`. What fails in one changes nothing for the others, but for files and memory, which they share.
  std::vector<Response> run(const Batch& batch);

  /// Different for every prepared program of the process.
  uint64_t id() const { return id_; }
  Team& team() const { return *team_; }
  const Program& program() const { return program_; }

  /// A fresh sequence. @throws std::bad_alloc
  std::unique_ptr<State> create_state() const { return std::make_unique<State>(program_.states, program_.cache_type, usage_); }
  /// What all sequences hold together.
  const StateUsage& usage() const { return *usage_; }

 private:
  struct Sequence;
  void begin(const Batch& batch, std::vector<Response>& responses, std::deque<Sequence>& sequences);
  Response execute(const Batch& batch, std::deque<Sequence>& sequences);
  Response outcome(const Sequence& sequence, const Batch& batch) const;
  void move_up_inputs(const Batch& batch, const std::deque<Sequence>& sequences) const;
  bool place_partials(std::vector<Step>& parts);
  bool files_changed() const;
  void report(const Profile& times, StepProfile& profile) const;

  const uint64_t id_;
  const Program program_;
  const WeightMemory weights_;
  const KernelTable& kernels_;
  const std::shared_ptr<Team> team_;
  const std::shared_ptr<StateUsage> usage_ = std::make_shared<StateUsage>();
  Tasks tasks_;
  Schedule with_outputs_, without_outputs_;
  std::optional<Timetable> timetable_;
  Memory arena_, shared_, private_, backup_, partials_;
  std::vector<uint8_t*> partial_places_;  ///< by sequence and output value
  size_t private_stride_ = 0;
  bool interrupted_ = false;  ///< the last step ended half-way
};

}  // namespace fak
