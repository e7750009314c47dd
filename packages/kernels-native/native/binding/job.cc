#include "binding/job.h"

namespace fak {

const int32_t* Job::abort_by(Napi::Value flag) {
  if (!flag.IsTypedArray()) return nullptr;
  aborts_.push_back(flag.As<Napi::Int32Array>().Data());
  hold(flag.As<Napi::Object>());
  return aborts_.back();
}

Napi::Promise Job::start() {
  // A job on its way keeps the process alive; an idle addon does not.
  if (addon_.running.empty()) addon_.finished.Ref(deferred_.Env());
  addon_.running.insert(this);
  team_.submit([this, done = done_, finished = addon_.finished] {
    try {
      work();
    } catch (...) {
      out_of_memory();
    }
    // From here on the event loop may bury the job at any time. The end of the environment waits for `done` before it frees the queue
    // that this call writes to.
    finished.NonBlockingCall(this);
    done->set_value();
  });
  return deferred_.Promise();
}

void Job::settle(Napi::Env env) {
  addon_.running.erase(this);
  if (addon_.running.empty()) addon_.finished.Unref(env);
  deferred_.Resolve(result(env));
}

void Job::ask_to_end() {
  for (const int32_t* abort : aborts_) __atomic_store_n(const_cast<int32_t*>(abort), 1, __ATOMIC_RELAXED);
}

void finish_job(Napi::Env env, Napi::Function, void*, Job* job) {
  // Without an environment the job was buried when that ended.
  if (env == nullptr || job == nullptr) return;
  const std::unique_ptr<Job> ended(job);
  try {
    job->settle(env);
  } catch (const Napi::Error&) {
    // A worker that is being terminated runs no JavaScript any more, so nobody waits for the result.
  }
}

}  // namespace fak
