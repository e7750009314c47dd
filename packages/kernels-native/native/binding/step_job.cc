#include "binding/step_job.h"

namespace fak {

Napi::Value StepJob::result(Napi::Env env) const {
  Napi::Object result = Napi::Object::New(env);
  result["outcome"] = Napi::Number::New(env, static_cast<uint32_t>(response_.outcome));
  result["op"] = Napi::Number::New(env, response_.op);
  return result;
}

}  // namespace fak
