#include "executor/prepared.h"

#include <algorithm>
#include <new>

#include "executor/bus_guard.h"
#include "executor/fuse.h"

namespace fak {

namespace {

std::atomic<uint64_t> next_id{1};

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
  Run(const Step& step, const Timetable& timetable, const int32_t* abort, bool guard, Profile* profile)
      : step_(step), timetable_(timetable), abort_(abort), guard_(guard), profile_(profile) {}

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

  bool aborted() const { return aborted_; }

 private:
  bool ended() const { return step_.failure->happened() || abort_wanted(); }
  bool abort_wanted() const { return abort_ && __atomic_load_n(abort_, __ATOMIC_RELAXED) != 0; }

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
    aborted_ = abort_wanted();
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
    if (!guard_) return entry.scheduled.task->run(step_, begin, end, thread);
    if (!guarded([&] { entry.scheduled.task->run(step_, begin, end, thread); }))
      step_.failure->report(Outcome::FileChanged, entry.scheduled.op);
  }

  const Step& step_;
  const Timetable& timetable_;
  const int32_t* abort_;
  const bool guard_;
  Profile* const profile_;
  std::atomic<int64_t> next_{0};
  size_t slot_ = 0;       // written alone, read between barriers
  bool aborted_ = false;  // likewise
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

Response Prepared::run(const Request& request) {
  State& state = *request.state;
  if (state.lost) return {Outcome::StateLost, -1};
  if (files_changed()) return {Outcome::FileChanged, -1};
  const bool keep = request.count > 1;
  const size_t backup_bytes = static_cast<size_t>(state.recurrent_floats()) * sizeof(float);
  if (keep && backup_.bytes() < backup_bytes && !backup_.allocate(backup_bytes)) return {Outcome::OutOfMemory, -1};
  if (!state.reserve(request.position + request.count, request.position)) return {Outcome::OutOfMemory, -1};

  Response response = execute(request);
  // The rest of a file's last page reads as zeros after it was cut there, without a signal: hence the second look.
  if (response.outcome == Outcome::Done && files_changed()) response = {Outcome::FileChanged, -1};
  if (response.outcome != Outcome::Done && response.outcome != Outcome::OutOfMemory) {
    if (keep) {
      state.restore(backup_.floats());
    } else {
      state.lost = state.recurrent_floats() > 0;
    }
  }
  return response;
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

/// Makes room for what ops of two tasks pass on; ops of one phase run at the same time, so each has a place of its own.
bool Prepared::place_partials(Step& step) {
  std::vector<size_t> offsets(program_.values.size(), 0);
  size_t total = 0;
  for (const std::vector<int>& phase : program_.phases) {
    size_t end = 0;
    for (const int op : phase) {
      const PlannedOp& planned = tasks_.ops[static_cast<size_t>(op)];
      if (!planned.last) continue;
      offsets[static_cast<size_t>(program_.ops[static_cast<size_t>(op)].output)] = end;
      end += align_up(planned.main->partial_bytes(step));
    }
    total = std::max(total, end);
  }
  // Grows with the position: twice what is asked for, so that it seldom does.
  if (partials_.bytes() < total && !partials_.allocate(2 * total) && !partials_.allocate(total)) return false;
  partial_places_.resize(offsets.size());
  for (size_t i = 0; i < offsets.size(); i++) partial_places_[i] = partials_.data() + offsets[i];
  step.partials = partial_places_.data();
  return true;
}

Response Prepared::execute(const Request& request) {
  const Profile::Clock::time_point start = request.profile ? Profile::Clock::now() : Profile::Clock::time_point();
  Failure failure;
  std::vector<float*> activations(program_.values.size()), states(program_.states.size());
  std::vector<uint8_t* const*> caches(program_.states.size());
  for (size_t i = 0; i < activations.size(); i++)
    if (program_.values[i].kind == ValueKind::Activation)
      activations[i] = reinterpret_cast<float*>(arena_.data() + program_.values[i].offset);
  for (size_t i = 0; i < request.pinned.size(); i++)
    activations[static_cast<size_t>(program_.pinned[i])] = request.pinned[i];
  for (size_t i = 0; i < states.size(); i++) {
    states[i] = request.state->data(i);
    caches[i] = request.state->pages(i);
  }

  Step step;
  step.T = request.count;
  step.R = request.rows;
  step.P = request.position;
  step.tokens = request.tokens;
  step.threads = team_->size();
  step.kernels = &kernels_;
  step.activations = activations.data();
  step.states = states.data();
  step.caches = caches.data();
  step.cache_type = program_.cache_type;
  step.shared = shared_.data();
  step.private_memory = private_.data();
  step.private_stride = private_stride_;
  step.failure = &failure;
  if (!place_partials(step)) return {Outcome::OutOfMemory, -1};

  if (interrupted_)
    for (const PlannedOp& op : tasks_.ops)
      if (op.main) op.main->reset();
  interrupted_ = true;

  bool aborted = false;
  const auto run = [&](const Timetable& timetable, const int32_t* abort, Profile* profile) {
    Run threads(step, timetable, abort, !weights_.mappings.empty(), profile);
    team_->run([&](int thread, Barrier& barrier) { threads.work(thread, barrier); });
    aborted = threads.aborted();
  };
  if (request.count > 1) {
    const Backup backup(*request.state, backup_.floats());
    run(Timetable({{{&backup, -1}}}, step), nullptr, nullptr);
  }
  const auto since_start = [&] { return std::chrono::duration<double, std::nano>(Profile::Clock::now() - start).count(); };
  if (request.profile) request.profile->backup_ns = since_start();
  if (!timetable_ || !timetable_->fits(step))
    timetable_.emplace(request.rows > 0 ? with_outputs_ : without_outputs_, step);
  std::optional<Profile> times;
  if (request.profile) times.emplace(timetable_->entries(), timetable_->slots().size(), step.threads);
  run(*timetable_, request.abort, times ? &*times : nullptr);

  if (failure.happened()) return {failure.outcome(), failure.op()};
  if (aborted) return {Outcome::Aborted, -1};
  interrupted_ = false;
  for (size_t i = 0; i < program_.pinned.size(); i++) {
    const Value& value = program_.values[static_cast<size_t>(program_.pinned[i])];
    const int64_t n = value.rows.of(step.T, step.R) * value.columns;
    if (kernels_.floats.all_finite(request.pinned[i], n)) continue;
    for (const OpNode& op : program_.ops)
      if (op.output == program_.pinned[i]) return {Outcome::NonFinite, op.parts.back()};
  }
  if (times) {
    report(*times, *request.profile);
    request.profile->step_ns = since_start();
  }
  return {Outcome::Done, -1};
}

}  // namespace fak
