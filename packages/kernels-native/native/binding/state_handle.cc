#include <new>

#include "binding/binding.h"

namespace fak {

Napi::Function StateHandle::define(Napi::Env env) {
  return DefineClass(env, "State",
                     {InstanceAccessor<&StateHandle::byte_length>("byteLength"), InstanceAccessor<&StateHandle::lost>("lost"),
                      InstanceMethod<&StateHandle::fork>("fork"), InstanceMethod<&StateHandle::reserve>("reserve"),
                      InstanceMethod<&StateHandle::read>("read"), InstanceMethod<&StateHandle::write>("write"),
                      InstanceMethod<&StateHandle::reset>("reset"), InstanceMethod<&StateHandle::dispose>("dispose")});
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

void StateHandle::reserve(const Napi::CallbackInfo& info) {
  require(info, get() != nullptr, "disposed");
  require(info, info[0].IsNumber() && info[0].As<Napi::Number>().Int64Value() >= 0, "reserve(position)");
  if (!get()->reserve(info[0].As<Napi::Number>().Int64Value(), 0)) throw std::bad_alloc();
}

StateHandle::Array StateHandle::array_of(const Napi::CallbackInfo& info) const {
  require(info, get() != nullptr, "disposed");
  require(info, info[0].IsNumber() && info[1].IsNumber() && info[2].IsTypedArray(), "(index, position, bytes)");
  require(info, info[2].As<Napi::TypedArray>().TypedArrayType() == napi_uint8_array, "bytes in a Uint8Array");
  const double index = info[0].As<Napi::Number>().DoubleValue();
  require(info, index >= 0 && index < static_cast<double>(get()->arrays()), "the state has no such array");
  auto bytes = info[2].As<Napi::Uint8Array>();
  const Array array{static_cast<size_t>(index), info[1].As<Napi::Number>().Int64Value(), bytes.Data()};
  const bool recurrent = get()->data(array.index) != nullptr;
  require(info, recurrent || get()->holds(array.position), "the state has no such position");
  require(info, bytes.ByteLength() == get()->array_bytes(array.index, array.position), "the bytes are not as many as the array's");
  return array;
}

void StateHandle::read(const Napi::CallbackInfo& info) {
  const Array array = array_of(info);
  get()->read(array.index, array.position, array.bytes);
}

void StateHandle::write(const Napi::CallbackInfo& info) {
  const Array array = array_of(info);
  get()->write(array.index, array.position, array.bytes);
}

void StateHandle::reset(const Napi::CallbackInfo&) {
  if (get()) get()->reset();
}

void StateHandle::dispose(const Napi::CallbackInfo&) { parts_.state.reset(); }

}  // namespace fak
