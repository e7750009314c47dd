#include "executor/prepared.h"

#include <algorithm>
#include <cstring>
#include <deque>
#include <new>

#include "executor/bus_guard.h"
#include "executor/fuse.h"

namespace fak {

namespace {

std::atomic<uint64_t> next_id{1};

bool wants_abort(const int32_t* flag) { return flag && __atomic_load_n(flag, __ATOMIC_RELAXED) != 0; }

/// The recurrent arrays copied before a step, cut into units like any other task.
class Backup final : public Task {
 public:
  Backup(const State& state, float* to) : state_(state), to_(to) {}
  Work work(const Step&) const override { return {(state_.recurrent_floats() + kUnit - 1) / kUnit, kUnit * 0.3}; }
  void run(const Step&, int64_t begin, int64_t end, int) const override {
    state_.save(to_, begin * kUnit, std::min(end * kUnit, state_.recurrent_floats()));
  }

 private:
  static constexpr int64_t kUnit = 16384;
  const State& state_;
  float* to_;
};

/// One step as the threads see it.
class Run {
 public:
  /// `aborts`: of each part, null for one that cannot be; empty if none can.
  Run(const Step& step, const Timetable& timetable, std::vector<const int32_t*> aborts, bool guard, Profile* profile)
      : step_(step), timetable_(timetable), aborts_(std::move(aborts)), guard_(guard), profile_(profile) {}

  /// Every thread of the team calls this.
  void work(int thread, Barrier& barrier) {
    const std::vector<Timetable::Slot>& slots = timetable_.slots();
    // The team enters together, and the first slots may be serial.
    barrier.arrive([&] {
      if (profile_) profile_->begin();
      advance(0, thread);
    });
    while (slot_ < slots.size()) {
      const Timetable::Slot& slot = slots[slot_];
      for (;;) {
        const int64_t chunk = next_.fetch_add(1, std::memory_order_relaxed);
        if (chunk >= slot.chunks || ended()) break;
        run_chunk(slot, chunk, thread);
      }
      barrier.arrive([&] {
        if (profile_) profile_->end(slot_);
        advance(slot_ + 1, thread);
      });
    }
  }

 private:
  /// Whether nobody waits for a result any more. A sequence that has ended while others go on is computed to the end of the step: its rows
  /// lie among theirs.
  bool ended() const {
    if (step_.failure->happened()) return true;
    for (size_t i = 0; i < static_cast<size_t>(step_.part_count); i++)
      if (!step_.parts[i].failure->happened() && !(i < aborts_.size() && wants_abort(aborts_[i]))) return false;
    return true;
  }

  /// Alone, between slots: does the serial ones from `slot` on, and sets the next shared one, or the end.
  void advance(size_t slot, int thread) {
    const std::vector<Timetable::Slot>& slots = timetable_.slots();
    while (slot < slots.size() && slots[slot].serial && !ended()) {
      for (size_t i = slots[slot].begin; i < slots[slot].end && !ended(); i++) {
        const Timetable::Entry& entry = timetable_.entry(i);
        for (int64_t begin = 0; begin < entry.units && !ended(); begin += entry.grain) run_units(i, begin, thread);
      }
      if (profile_) profile_->end(slot);
      slot++;
    }
    if (slot < slots.size() && ended()) slot = slots.size();
    next_.store(0, std::memory_order_relaxed);
    slot_ = slot;
  }

  void run_chunk(const Timetable::Slot& slot, int64_t chunk, int thread) {
    size_t i = slot.begin;
    while (i + 1 < slot.end && timetable_.entry(i + 1).first_chunk <= chunk) i++;
    const Timetable::Entry& entry = timetable_.entry(i);
    run_units(i, (chunk - entry.first_chunk) * entry.grain, thread);
  }

  void run_units(size_t index, int64_t begin, int thread) {
    const Timetable::Entry& entry = timetable_.entry(index);
    if (!profile_) return run_units(entry, begin, thread);
    const Profile::Clock::time_point start = Profile::Clock::now();
    run_units(entry, begin, thread);
    profile_->chunk(thread, index, Profile::Clock::now() - start);
  }

  void run_units(const Timetable::Entry& entry, int64_t begin, int thread) {
    const int64_t end = std::min(begin + entry.grain, entry.units);
    const Step& step = entry.of(step_);
    if (!guard_) return entry.scheduled.task->run(step, begin, end, thread);
    if (!guarded([&] { entry.scheduled.task->run(step, begin, end, thread); }))
      step_.failure->report(Outcome::FileChanged, entry.scheduled.op);
  }

  const Step& step_;
  const Timetable& timetable_;
  const std::vector<const int32_t*> aborts_;
  const bool guard_;
  Profile* const profile_;
  std::atomic<int64_t> next_{0};
  size_t slot_ = 0;  // written alone, read between barriers
};

}  // namespace

Prepared::Prepared(Program program, WeightMemory weights, const KernelTable& kernels, std::shared_ptr<Team> team)
    : id_(next_id.fetch_add(1)), program_(fuse(std::move(program))), weights_(std::move(weights)), kernels_(kernels), team_(std::move(team)),
      tasks_(make_tasks(program_, kernels_)) {
  const auto needs = [&](const Task& task) { private_stride_ = std::max(private_stride_, align_up(task.private_bytes)); };
  for (const PlannedOp& op : tasks_.ops)
    for (const Task* task : {op.main.get(), op.last.get()})
      if (task) needs(*task);
  for (const Preparation& preparation : tasks_.preparations) needs(*preparation.task);
  if (!arena_.allocate(program_.arena_bytes) || !shared_.allocate(place_preparations(program_, tasks_)) ||
      !private_.allocate(private_stride_ * static_cast<size_t>(team_->size())))
    throw std::bad_alloc();
  with_outputs_ = make_schedule(program_, tasks_, true);
  without_outputs_ = make_schedule(program_, tasks_, false);
  if (!weights_.mappings.empty()) install_bus_guard();
}

bool Prepared::files_changed() const {
  const auto& all = weights_.mappings;
  return std::any_of(all.begin(), all.end(), [](const auto& mapping) { return mapping->changed(); });
}

/// A request that has begun.
struct Prepared::Sequence {
  const Request* request;
  Response* response;
  float* backup;         ///< null for a step of one token
  int64_t row, output_row;  ///< its first ones among those of all
  Failure failure;
  Sequence(const Request& r, Response& answer, float* copy) : request(&r), response(&answer), backup(copy), row(0), output_row(0) {}
};

std::vector<Response> Prepared::run(const Batch& batch) {
  std::vector<Response> responses(batch.requests.size(), {Outcome::Done, -1});
  std::deque<Sequence> sequences;
  begin(batch, responses, sequences);
  if (sequences.empty()) return responses;

  Response all = execute(batch, sequences);
  // The rest of a file's last page reads as zeros after it was cut there, without a signal: hence the second look.
  if (all.outcome == Outcome::Done && files_changed()) all = {Outcome::FileChanged, -1};
  for (Sequence& sequence : sequences) {
    Response& response = *sequence.response;
    if (response.outcome == Outcome::Done) response = all;
    if (response.outcome == Outcome::Done || all.outcome == Outcome::OutOfMemory) continue;
    State& state = *sequence.request->state;
    if (sequence.backup) {
      state.restore(sequence.backup);
    } else {
      state.lost = state.recurrent_floats() > 0;
    }
  }
  return responses;
}

/// Refuses what cannot run, and makes room for what can.
void Prepared::begin(const Batch& batch, std::vector<Response>& responses, std::deque<Sequence>& sequences) {
  const bool changed = files_changed();
  size_t backup_bytes = 0;
  for (const Request& request : batch.requests)
    if (request.count > 1) backup_bytes += static_cast<size_t>(request.state->recurrent_floats()) * sizeof(float);
  const bool backup = backup_.bytes() >= backup_bytes || backup_.allocate(backup_bytes);
  float* copy = backup_.floats();
  for (size_t i = 0; i < batch.requests.size(); i++) {
    const Request& request = batch.requests[i];
    State& state = *request.state;
    Response& response = responses[i];
    if (changed) {
      response.outcome = Outcome::FileChanged;
    } else if (state.lost) {
      response.outcome = Outcome::StateLost;
    } else if ((request.count > 1 && !backup) || !state.reserve(request.position + request.count, request.position)) {
      response.outcome = Outcome::OutOfMemory;
    } else {
      sequences.emplace_back(request, response, request.count > 1 ? copy : nullptr);
      if (request.count > 1) copy += state.recurrent_floats();
    }
  }
}

void Prepared::report(const Profile& times, StepProfile& profile) const {
  for (size_t slot = 0; slot < timetable_->slots().size(); slot++) {
    const auto& [begin, end, chunks, serial] = timetable_->slots()[slot];
    profile.slots.push_back({serial, times.slot_ns(slot)});
    for (size_t i = begin; i < end; i++) {
      const auto& [task, op] = timetable_->entry(i).scheduled;
      const bool own = std::find(task->ops.begin(), task->ops.end(), op) != task->ops.end();
      profile.tasks.push_back({task->ops, own ? -1 : op, static_cast<int64_t>(slot), times.chunks(i), times.busy_ns(i)});
    }
  }
  for (int thread = 0; thread < times.threads(); thread++) profile.thread_ns.push_back(times.thread_ns(thread));
}

/// Makes room for what ops of two tasks pass on; ops of one phase run at the same time, so each has a place of its own for each sequence.
bool Prepared::place_partials(std::vector<Step>& parts) {
  const size_t values = program_.values.size();
  std::vector<size_t> offsets(parts.size() * values, 0);
  size_t total = 0;
  for (const std::vector<int>& phase : program_.phases) {
    size_t end = 0;
    for (const int op : phase) {
      const PlannedOp& planned = tasks_.ops[static_cast<size_t>(op)];
      if (!planned.last) continue;
      for (size_t i = 0; i < parts.size(); i++) {
        offsets[i * values + static_cast<size_t>(program_.ops[static_cast<size_t>(op)].output)] = end;
        end += align_up(planned.main->partial_bytes(parts[i]));
      }
    }
    total = std::max(total, end);
  }
  // Grows with the position: twice what is asked for, so that it seldom does.
  if (partials_.bytes() < total && !partials_.allocate(2 * total) && !partials_.allocate(total)) return false;
  partial_places_.resize(offsets.size());
  for (size_t i = 0; i < offsets.size(); i++) partial_places_[i] = partials_.data() + offsets[i];
  for (size_t i = 0; i < parts.size(); i++) parts[i].partials = partial_places_.data() + i * values;
  return true;
}

/// Closes the gaps that sequences leave which never began, in the rows that the caller brought.
void Prepared::move_up_inputs(const Batch& batch, const std::deque<Sequence>& sequences) const {
  for (size_t i = 0; i < batch.pinned.size(); i++) {
    const auto writes = [&](const OpNode& op) { return op.output == program_.pinned[i]; };
    if (std::any_of(program_.ops.begin(), program_.ops.end(), writes)) continue;
    const Value& value = program_.values[static_cast<size_t>(program_.pinned[i])];
    const auto floats = [&](int64_t T, int64_t R) { return value.rows.first(T, R) * value.columns; };
    int64_t T = 0, R = 0;
    auto sequence = sequences.begin();
    for (const Request& request : batch.requests) {
      if (sequence != sequences.end() && sequence->request == &request) {
        std::memmove(batch.pinned[i] + floats(sequence->row, sequence->output_row), batch.pinned[i] + floats(T, R),
                     static_cast<size_t>(floats(request.count, request.rows)) * sizeof(float));
        ++sequence;
      }
      T += request.count;
      R += request.rows;
    }
  }
}

/// Runs all sequences. What ended one of them is in its response; what ended all is returned.
Response Prepared::execute(const Batch& batch, std::deque<Sequence>& sequences) {
  const Profile::Clock::time_point start = batch.profile ? Profile::Clock::now() : Profile::Clock::time_point();
  const size_t values = program_.values.size(), states = program_.states.size(), count = sequences.size();
  Failure failure;
  std::vector<float*> activations((count + 1) * values), arrays(count * states);
  std::vector<uint8_t* const*> caches(count * states);
  std::vector<uint32_t> tokens;
  std::vector<int64_t> last_rows;
  std::vector<Step> parts(count);
  std::vector<const int32_t*> aborts(count);

  for (size_t i = 0; i < values; i++)
    if (program_.values[i].kind == ValueKind::Activation)
      activations[i] = reinterpret_cast<float*>(arena_.data() + program_.values[i].offset);
  for (size_t i = 0; i < batch.pinned.size(); i++) activations[static_cast<size_t>(program_.pinned[i])] = batch.pinned[i];

  Step step;
  step.threads = team_->size();
  step.kernels = &kernels_;
  step.activations = activations.data();
  step.cache_type = program_.cache_type;
  step.shared = shared_.data();
  step.private_memory = private_.data();
  step.private_stride = private_stride_;
  step.failure = &failure;
  step.parts = parts.data();
  step.part_count = static_cast<int64_t>(count);
  for (size_t i = 0; i < count; i++) {
    Sequence& sequence = sequences[i];
    const Request& request = *sequence.request;
    sequence.row = step.T;
    sequence.output_row = step.R;
    step.T += request.count;
    step.R += request.rows;
    tokens.insert(tokens.end(), request.tokens, request.tokens + request.count);
    for (int64_t r = step.T - request.rows; r < step.T; r++) last_rows.push_back(r);
    aborts[i] = request.abort;
    for (size_t j = 0; j < states; j++) {
      arrays[i * states + j] = request.state->data(j);
      caches[i * states + j] = request.state->pages(j);
    }
    float** const own = activations.data() + (i + 1) * values;
    for (size_t j = 0; j < values; j++) {
      const Value& value = program_.values[j];
      if (value.kind != ValueKind::Activation) continue;
      own[j] = activations[j] + value.rows.first(sequence.row, sequence.output_row) * value.columns;
    }
  }
  step.tokens = tokens.data();
  step.last_rows = last_rows.data();
  for (size_t i = 0; i < count; i++) {
    Sequence& sequence = sequences[i];
    const Request& request = *sequence.request;
    Step& part = parts[i];
    part = step;
    part.T = request.count;
    part.R = request.rows;
    part.P = request.position;
    part.part = static_cast<int64_t>(i);
    part.row = sequence.row;
    part.output_row = sequence.output_row;
    part.tokens = tokens.data() + sequence.row;
    part.activations = activations.data() + (i + 1) * values;
    part.states = arrays.data() + i * states;
    part.caches = caches.data() + i * states;
    part.failure = &sequence.failure;
  }
  if (count < batch.requests.size()) move_up_inputs(batch, sequences);
  if (!place_partials(parts)) {
    for (Sequence& sequence : sequences) sequence.response->outcome = Outcome::OutOfMemory;
    return {Outcome::OutOfMemory, -1};
  }

  if (interrupted_)
    for (const PlannedOp& op : tasks_.ops)
      if (op.main) op.main->reset();
  interrupted_ = true;

  const auto run = [&](const Timetable& timetable, std::vector<const int32_t*> flags, Profile* profile) {
    Run threads(step, timetable, std::move(flags), !weights_.mappings.empty(), profile);
    team_->run([&](int thread, Barrier& barrier) { threads.work(thread, barrier); });
  };
  std::vector<Backup> backups;
  for (const Sequence& sequence : sequences)
    if (sequence.backup) backups.emplace_back(*sequence.request->state, sequence.backup);
  Stage copies;
  for (const Backup& backup : backups) copies.push_back({&backup, -1});
  if (!copies.empty()) run(Timetable({copies}, step), {}, nullptr);
  const auto since_start = [&] { return std::chrono::duration<double, std::nano>(Profile::Clock::now() - start).count(); };
  if (batch.profile) batch.profile->backup_ns = since_start();
  if (!timetable_ || !timetable_->fits(step)) timetable_.emplace(step.R > 0 ? with_outputs_ : without_outputs_, step);
  std::optional<Profile> times;
  if (batch.profile) times.emplace(timetable_->entries(), timetable_->slots().size(), step.threads);
  run(*timetable_, aborts, times ? &*times : nullptr);

  if (failure.happened()) return {failure.outcome(), failure.op()};
  bool whole = false;
  for (Sequence& sequence : sequences) {
    *sequence.response = outcome(sequence, batch);
    whole |= sequence.response->outcome == Outcome::Done;
  }
  if (!whole) return {Outcome::Done, -1};
  interrupted_ = false;
  if (times) {
    report(*times, *batch.profile);
    batch.profile->step_ns = since_start();
  }
  return {Outcome::Done, -1};
}

/// How a sequence ended that went through a step which did not end for all.
Response Prepared::outcome(const Sequence& sequence, const Batch& batch) const {
  const Request& request = *sequence.request;
  if (sequence.failure.happened()) return {sequence.failure.outcome(), sequence.failure.op()};
  if (wants_abort(request.abort)) return {Outcome::Aborted, -1};
  for (size_t i = 0; i < program_.pinned.size(); i++) {
    const Value& value = program_.values[static_cast<size_t>(program_.pinned[i])];
    const float* const x = batch.pinned[i] + value.rows.first(sequence.row, sequence.output_row) * value.columns;
    if (kernels_.floats.all_finite(x, value.rows.of(request.count, request.rows) * value.columns)) continue;
    for (const OpNode& op : program_.ops)
      if (op.output == program_.pinned[i]) return {Outcome::NonFinite, op.parts.back()};
  }
  return {Outcome::Done, -1};
}

}  // namespace fak
