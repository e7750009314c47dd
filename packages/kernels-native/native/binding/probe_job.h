// ProbeJob: one measurement of the machine.
#pragma once

#include "binding/job.h"
#include "probe/machine.h"

namespace fak {

class ProbeJob final : public Job {
 public:
  ProbeJob(Napi::Env env, std::shared_ptr<Team> team, const ProbeKernels& kernels, const ProbeKernels& fastest,
           std::chrono::milliseconds time)
      : Job(env, *team), team_(std::move(team)), kernels_(kernels), fastest_(fastest), time_(time) {}

  /// Set before the start, if it can be ended early.
  const int32_t* abort = nullptr;

 private:
  void work() override { outcome_ = measure_machine(*team_, kernels_, fastest_, time_, abort, rates_); }
  void out_of_memory() override { outcome_ = ProbeOutcome::OutOfMemory; }
  /// { outcome, bandwidth, macRate }
  Napi::Value result(Napi::Env env) const override;

  std::shared_ptr<Team> team_;
  const ProbeKernels &kernels_, &fastest_;
  const std::chrono::milliseconds time_;
  ProbeOutcome outcome_ = ProbeOutcome::Done;
  MachineRates rates_;
};

}  // namespace fak
