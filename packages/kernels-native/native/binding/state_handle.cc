#include "binding/binding.h"

namespace fak {

Napi::Function StateHandle::define(Napi::Env env) {
  return DefineClass(env, "State",
                     {InstanceAccessor<&StateHandle::byte_length>("byteLength"), InstanceAccessor<&StateHandle::lost>("lost"),
                      InstanceMethod<&StateHandle::reset>("reset"), InstanceMethod<&StateHandle::dispose>("dispose")});
}

StateHandle::StateHandle(const Napi::CallbackInfo& info) : ObjectWrap(info) {
  require(info, info[0].IsExternal(), "made by Prepared.createState");
  const Prepared& owner = *info[0].As<Napi::External<Prepared>>().Data();
  owner_ = owner.id();
  state_ = std::make_unique<State>(owner.program().states);
}

Napi::Value StateHandle::byte_length(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), state_ ? static_cast<double>(state_->bytes()) : 0);
}

Napi::Value StateHandle::lost(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), state_ && state_->lost);
}

void StateHandle::reset(const Napi::CallbackInfo&) {
  if (state_) state_->reset();
}

void StateHandle::dispose(const Napi::CallbackInfo&) { state_.reset(); }

}  // namespace fak
