// StepJob: one step on its way from the event loop to the team's leader and back. Born and buried on the event loop.
#pragma once

#include <future>

#include "binding/binding.h"

namespace fak {

class StepJob {
 public:
  StepJob(Napi::Env env, std::shared_ptr<Prepared> prepared)
      : addon_(*env.GetInstanceData<Addon>()), prepared_(std::move(prepared)), deferred_(env) {}

  Request request;

  /// Keeps an object alive until the step is over.
  void hold(Napi::Object object) { held_.push_back(Napi::Persistent(object)); }

  /// Hands the step over; the promise resolves to { outcome, op }.
  Napi::Promise start();

  /// On the event loop, after the step: settles the promise.
  void settle(Napi::Env env);

  /// At the end of the environment: blocks until the step no longer touches its memory.
  void wait() { done_->get_future().wait(); }

 private:
  Addon& addon_;
  std::shared_ptr<Prepared> prepared_;
  std::vector<Napi::ObjectReference> held_;
  Napi::Promise::Deferred deferred_;
  std::shared_ptr<std::promise<void>> done_ = std::make_shared<std::promise<void>>();
  Response response_{};
};

}  // namespace fak
