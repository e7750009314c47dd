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

Napi::Value PreparedHandle::run(const Napi::CallbackInfo& info) {
  require(info, parts_.prepared != nullptr, "disposed");
  require(info, info.Length() == 7 && info[0].IsObject() && info[2].IsTypedArray() && info[4].IsArray(),
          "run(state, position, tokens, rows, pinned, abort, profiled)");
  const Program& program = parts_.prepared->program();
  const Napi::Uint32Array tokens = info[2].As<Napi::Uint32Array>();
  const Napi::Array pinned = info[4].As<Napi::Array>();
  StateHandle* const state = StateHandle::Unwrap(info[0].As<Napi::Object>());
  require(info, state->get() && state->belongs_to(*parts_.prepared), "the state belongs to another program");
  require(info, pinned.Length() == program.pinned.size(), "one array for each pinned value");

  auto job = std::make_unique<StepJob>(info.Env(), parts_.prepared);
  Request& request = job->request;
  request.state = state->get();
  request.position = info[1].As<Napi::Number>().Int64Value();
  request.tokens = tokens.Data();
  request.count = static_cast<int64_t>(tokens.ElementLength());
  request.rows = info[3].As<Napi::Number>().Int64Value();
  require(info, request.position >= 0 && request.count >= 1 && request.count <= program.max_tokens, "too many tokens");
  require(info, request.rows >= 0 && request.rows <= request.count, "too many rows");
  for (size_t i = 0; i < program.pinned.size(); i++) {
    const fak::Value& value = program.values[static_cast<size_t>(program.pinned[i])];
    Napi::Float32Array array = pinned.Get(static_cast<uint32_t>(i)).As<Napi::Float32Array>();
    const int64_t floats = value.rows.of(request.count, request.rows) * value.columns;
    require(info, static_cast<int64_t>(array.ElementLength()) == floats, "a pinned array has the wrong length");
    request.pinned.push_back(array.Data());
    job->hold(array);
  }
  job->abort_by(info[5]);
  job->profiled = info[6].ToBoolean();
  job->hold(tokens);
  job->hold(info[0].As<Napi::Object>());
  job->hold(info.This().As<Napi::Object>());
  return job.release()->start();
}

void PreparedHandle::dispose(const Napi::CallbackInfo&) { parts_ = Parts(); }

}  // namespace fak
