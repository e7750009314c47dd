// StepJob: one step of a prepared program.
#pragma once

#include "binding/job.h"

namespace fak {

class StepJob final : public Job {
 public:
  StepJob(Napi::Env env, std::shared_ptr<Prepared> prepared) : Job(env, prepared->team()), prepared_(std::move(prepared)) {}

  Request request;
  /// Set before the start to have the step clocked.
  bool profiled = false;

 private:
  void work() override {
    request.abort = abort;
    if (profiled) request.profile = &profile_;
    response_ = prepared_->run(request);
  }
  void out_of_memory() override { response_ = {Outcome::OutOfMemory, -1}; }
  /// { outcome, op, profile? }
  Napi::Value result(Napi::Env env) const override;

  std::shared_ptr<Prepared> prepared_;
  Response response_{};
  StepProfile profile_;
};

}  // namespace fak
