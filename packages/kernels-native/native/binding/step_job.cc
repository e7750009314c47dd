#include "binding/step_job.h"

namespace fak {

Napi::Promise StepJob::start() {
  // A step on its way keeps the process alive; an idle addon does not.
  if (addon_.running.empty()) addon_.finished.Ref(deferred_.Env());
  addon_.running.insert(this);
  prepared_->team().submit([this, done = done_, finished = addon_.finished] {
    try {
      response_ = prepared_->run(request);
    } catch (...) {
      // Nothing but an allocation throws there.
      response_ = {Outcome::OutOfMemory, -1};
    }
    // From here on the event loop may bury the job at any time.
    done->set_value();
    finished.NonBlockingCall(this);
  });
  return deferred_.Promise();
}

void StepJob::settle(Napi::Env env) {
  addon_.running.erase(this);
  if (addon_.running.empty()) addon_.finished.Unref(env);
  Napi::Object result = Napi::Object::New(env);
  result["outcome"] = Napi::Number::New(env, static_cast<uint32_t>(response_.outcome));
  result["op"] = Napi::Number::New(env, response_.op);
  deferred_.Resolve(result);
}

void finish_job(Napi::Env env, Napi::Function, void*, StepJob* job) {
  // Without an environment the job was buried when that ended.
  if (env == nullptr || job == nullptr) return;
  job->settle(env);
  delete job;
}

}  // namespace fak
