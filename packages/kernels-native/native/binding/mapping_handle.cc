#include <system_error>

#include "binding/binding.h"

namespace fak {

Napi::Function MappingHandle::define(Napi::Env env) {
  return DefineClass(env, "Mapping", {InstanceAccessor<&MappingHandle::byte_length>("byteLength")});
}

MappingHandle::MappingHandle(const Napi::CallbackInfo& info) : ObjectWrap(info) {
  require(info, info[0].IsString(), "a path is a string");
  try {
    mapping_ = Mapping::open(info[0].As<Napi::String>());
  } catch (const std::system_error& error) {
    throw Napi::Error::New(info.Env(), error.what());
  }
}

Napi::Value MappingHandle::byte_length(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(mapping_->bytes()));
}

}  // namespace fak
