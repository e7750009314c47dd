#include "binding/step_job.h"

namespace fak {

Napi::Function PreparedHandle::define(Napi::Env env) {
  return DefineClass(env, "Prepared",
                     {InstanceMethod<&PreparedHandle::create_state>("createState"),
                      InstanceAccessor<&PreparedHandle::state_bytes>("stateBytes"), InstanceMethod<&PreparedHandle::run>("run"),
                      InstanceMethod<&PreparedHandle::dispose>("dispose")});
}

PreparedHandle::PreparedHandle(const Napi::CallbackInfo& info) : ObjectWrap(info) {
  require(info, info[0].IsExternal(), "made by Executor.prepare");
  parts_ = std::move(*info[0].As<Napi::External<Parts>>().Data());
}

Napi::Value PreparedHandle::create_state(const Napi::CallbackInfo& info) {
  require(info, parts_.prepared != nullptr, "disposed");
  return StateHandle::wrap(info.Env(), {parts_.prepared->create_state(), parts_.prepared->id()});
}

Napi::Value PreparedHandle::state_bytes(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), parts_.prepared ? static_cast<double>(parts_.prepared->usage().bytes()) : 0);
}

/// One of the requests of run(): { state, position, tokens, rows, abort? }.
Request PreparedHandle::request_of(const Napi::CallbackInfo& info, Napi::Object from, StepJob& job) const {
  const Napi::Object state = from.Get("state").As<Napi::Object>();
  const Napi::Uint32Array tokens = from.Get("tokens").As<Napi::Uint32Array>();
  StateHandle* const handle = StateHandle::Unwrap(state);
  require(info, handle->get() && handle->belongs_to(*parts_.prepared), "the state belongs to another program");
  Request request;
  request.state = handle->get();
  request.position = from.Get("position").As<Napi::Number>().Int64Value();
  request.tokens = tokens.Data();
  request.count = static_cast<int64_t>(tokens.ElementLength());
  request.rows = from.Get("rows").As<Napi::Number>().Int64Value();
  request.abort = job.abort_by(from.Get("abort"));
  require(info, request.position >= 0 && request.count >= 1, "a request without tokens");
  require(info, request.rows >= 0 && request.rows <= request.count, "too many rows");
  job.hold(tokens);
  job.hold(state);
  return request;
}

Napi::Value PreparedHandle::run(const Napi::CallbackInfo& info) {
  require(info, parts_.prepared != nullptr, "disposed");
  require(info, info.Length() == 3 && info[0].IsArray() && info[1].IsArray(), "run(requests, pinned, profiled)");
  const Program& program = parts_.prepared->program();
  const Napi::Array requests = info[0].As<Napi::Array>(), pinned = info[1].As<Napi::Array>();
  require(info, pinned.Length() == program.pinned.size(), "one array for each pinned value");

  auto job = std::make_unique<StepJob>(info.Env(), parts_.prepared);
  int64_t T = 0, R = 0;
  for (uint32_t i = 0; i < requests.Length(); i++) {
    const Napi::HandleScope scope(info.Env());
    const Request request = request_of(info, requests.Get(i).As<Napi::Object>(), *job);
    for (const Request& other : job->batch.requests) require(info, other.state != request.state, "a state is in the step twice");
    T += request.count;
    R += request.rows;
    require(info, T <= program.max_tokens, "too many tokens");
    job->batch.requests.push_back(request);
  }
  require(info, T > 0, "no tokens");
  for (size_t i = 0; i < program.pinned.size(); i++) {
    const fak::Value& value = program.values[static_cast<size_t>(program.pinned[i])];
    Napi::Float32Array array = pinned.Get(static_cast<uint32_t>(i)).As<Napi::Float32Array>();
    require(info, static_cast<int64_t>(array.ElementLength()) == value.rows.of(T, R) * value.columns, "a pinned array has the wrong length");
    job->batch.pinned.push_back(array.Data());
    job->hold(array);
  }
  job->profiled = info[2].ToBoolean();
  job->hold(info.This().As<Napi::Object>());
  return job.release()->start();
}

void PreparedHandle::dispose(const Napi::CallbackInfo&) { parts_ = Parts(); }

}  // namespace fak
