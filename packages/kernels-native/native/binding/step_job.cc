#include "binding/step_job.h"

#include <algorithm>

namespace fak {

namespace {

/// As one array; src/profile.ts reads it.
Napi::Float64Array encode(Napi::Env env, const StepProfile& profile) {
  std::vector<double> words = {profile.step_ns, profile.backup_ns, static_cast<double>(profile.thread_ns.size()),
                               static_cast<double>(profile.slots.size()), static_cast<double>(profile.tasks.size())};
  words.insert(words.end(), profile.thread_ns.begin(), profile.thread_ns.end());
  for (const auto& slot : profile.slots) words.insert(words.end(), {slot.serial ? 1.0 : 0.0, slot.ns});
  for (const auto& task : profile.tasks) {
    words.insert(words.end(), {static_cast<double>(task.prepares), static_cast<double>(task.slot), static_cast<double>(task.chunks),
                               task.busy_ns, static_cast<double>(task.ops.size())});
    words.insert(words.end(), task.ops.begin(), task.ops.end());
  }
  Napi::Float64Array array = Napi::Float64Array::New(env, words.size());
  std::copy(words.begin(), words.end(), array.Data());
  return array;
}

}  // namespace

Napi::Value StepJob::result(Napi::Env env) const {
  Napi::Object result = Napi::Object::New(env);
  Napi::Int32Array outcomes = Napi::Int32Array::New(env, 2 * responses_.size());
  bool done = false;
  for (size_t i = 0; i < responses_.size(); i++) {
    outcomes[2 * i] = static_cast<int32_t>(responses_[i].outcome);
    outcomes[2 * i + 1] = responses_[i].op;
    done |= responses_[i].outcome == Outcome::Done;
  }
  result["outcomes"] = outcomes;
  if (profiled && done) result["profile"] = encode(env, profile_);
  return result;
}

}  // namespace fak
