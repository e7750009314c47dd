#include <new>

#include "binding/binding.h"

namespace fak {

Napi::Function StateHandle::define(Napi::Env env) {
  return DefineClass(env, "State",
                     {InstanceAccessor<&StateHandle::byte_length>("byteLength"), InstanceAccessor<&StateHandle::lost>("lost"),
                      InstanceMethod<&StateHandle::fork>("fork"), InstanceMethod<&StateHandle::reset>("reset"),
                      InstanceMethod<&StateHandle::dispose>("dispose")});
}

Napi::Value StateHandle::wrap(Napi::Env env, Parts parts) {
  if (!parts.state) throw std::bad_alloc();
  return env.GetInstanceData<Addon>()->state.New({Napi::External<Parts>::New(env, &parts)});
}

StateHandle::StateHandle(const Napi::CallbackInfo& info) : ObjectWrap(info) {
  require(info, info[0].IsExternal(), "made by Prepared.createState");
  parts_ = std::move(*info[0].As<Napi::External<Parts>>().Data());
}

Napi::Value StateHandle::byte_length(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), get() ? static_cast<double>(get()->bytes()) : 0);
}

Napi::Value StateHandle::lost(const Napi::CallbackInfo& info) { return Napi::Boolean::New(info.Env(), get() && get()->lost); }

Napi::Value StateHandle::fork(const Napi::CallbackInfo& info) {
  require(info, get() != nullptr, "disposed");
  require(info, info[0].IsNumber(), "fork(position)");
  const int64_t position = info[0].As<Napi::Number>().Int64Value();
  require(info, get()->holds(position), "the state has no such position");
  return wrap(info.Env(), {get()->fork(position), parts_.owner});
}

void StateHandle::reset(const Napi::CallbackInfo&) {
  if (get()) get()->reset();
}

void StateHandle::dispose(const Napi::CallbackInfo&) { parts_.state.reset(); }

}  // namespace fak
