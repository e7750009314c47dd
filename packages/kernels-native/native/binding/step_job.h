// StepJob: one step of a prepared program, of one sequence or several.
#pragma once

#include "binding/job.h"

namespace fak {

class StepJob final : public Job {
 public:
  StepJob(Napi::Env env, std::shared_ptr<Prepared> prepared) : Job(env, prepared->team()), prepared_(std::move(prepared)) {}

  Batch batch;
  /// Set before the start to have the step clocked.
  bool profiled = false;

 private:
  void work() override {
    if (profiled) batch.profile = &profile_;
    responses_ = prepared_->run(batch);
  }
  void out_of_memory() override { responses_.assign(batch.requests.size(), {Outcome::OutOfMemory, -1}); }
  /// { outcomes: [outcome, op] of each sequence one after the other, profile? }
  Napi::Value result(Napi::Env env) const override;

  std::shared_ptr<Prepared> prepared_;
  std::vector<Response> responses_;
  StepProfile profile_;
};

}  // namespace fak
