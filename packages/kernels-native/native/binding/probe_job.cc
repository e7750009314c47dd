#include "binding/probe_job.h"

namespace fak {

Napi::Value ProbeJob::result(Napi::Env env) const {
  Napi::Object result = Napi::Object::New(env);
  result["outcome"] = Napi::Number::New(env, static_cast<uint32_t>(outcome_));
  result["bandwidth"] = Napi::Number::New(env, rates_.bandwidth);
  result["macRate"] = Napi::Number::New(env, rates_.mac_rate);
  return result;
}

}  // namespace fak
