// Job: work on its way from the event loop to a team's leader and back. Born and buried on the event loop.
#pragma once

#include <future>

#include "binding/binding.h"

namespace fak {

class Job {
 public:
  virtual ~Job() = default;

  /// Keeps an object alive until the job is over.
  void hold(Napi::Object object) { held_.push_back(Napi::Persistent(object)); }

  /// From an optional Int32Array what becomes non-zero when the caller aborts; null if it cannot.
  const int32_t* abort_by(Napi::Value flag);

  /// Hands the job over, which then belongs to the addon; the promise resolves to its result.
  Napi::Promise start();

  /// On the event loop, after the job: settles the promise.
  void settle(Napi::Env env);

  /// At the end of the environment: has the job end early if it can.
  void ask_to_end();

  /// At the end of the environment: blocks until the job no longer touches its memory.
  void wait() { done_->get_future().wait(); }

 protected:
  Job(Napi::Env env, Team& team) : addon_(*env.GetInstanceData<Addon>()), team_(team), deferred_(env) {}

  /// On the leader. Only allocations may throw here.
  virtual void work() = 0;
  /// On the leader, when work() threw.
  virtual void out_of_memory() = 0;
  /// On the event loop.
  virtual Napi::Value result(Napi::Env env) const = 0;

 private:
  Addon& addon_;
  Team& team_;
  std::vector<const int32_t*> aborts_;
  std::vector<Napi::ObjectReference> held_;
  Napi::Promise::Deferred deferred_;
  std::shared_ptr<std::promise<void>> done_ = std::make_shared<std::promise<void>>();
};

}  // namespace fak
