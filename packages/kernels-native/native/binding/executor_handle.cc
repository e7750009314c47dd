#include <algorithm>
#include <cstring>
#include <new>

#include "binding/probe_job.h"
#include "isa/cpu.h"

namespace fak {

namespace {

/// Address of one matrix: { mapping, offset } or { data, copy }.
const uint8_t* bind_matrix(const Napi::CallbackInfo& info, Napi::Object binding, size_t bytes, WeightMemory& memory,
                           std::vector<Napi::ObjectReference>& buffers) {
  const Napi::Value from = binding.Get("mapping");
  if (from.IsObject()) {
    const std::shared_ptr<Mapping>& mapping = MappingHandle::Unwrap(from.As<Napi::Object>())->get();
    const double offset = binding.Get("offset").As<Napi::Number>().DoubleValue();
    require(info, offset >= 0 && offset <= static_cast<double>(mapping->bytes()) && mapping->bytes() - static_cast<size_t>(offset) >= bytes,
            "a weight lies outside its file");
    // Each file once: every step looks at all of them. Matrices that follow each other mostly lie in the same one.
    auto& mappings = memory.mappings;
    if (std::find(mappings.rbegin(), mappings.rend(), mapping) == mappings.rend()) mappings.push_back(mapping);
    return mapping->data() + static_cast<size_t>(offset);
  }
  const Napi::Uint8Array data = binding.Get("data").As<Napi::Uint8Array>();
  require(info, data.ByteLength() == bytes, "a weight has the wrong number of bytes");
  if (!binding.Get("copy").ToBoolean()) {
    buffers.push_back(Napi::Persistent(data.As<Napi::Object>()));
    return data.Data();
  }
  Memory block;
  if (!block.allocate(bytes)) throw std::bad_alloc();
  std::memcpy(block.data(), data.Data(), bytes);
  memory.blocks.push_back(std::move(block));
  return memory.blocks.back().data();
}

/// Binds one weight: one matrix, or a list of them for a stack.
void bind_weight(const Napi::CallbackInfo& info, Napi::Value binding, Value& value, WeightMemory& memory,
                 std::vector<Napi::ObjectReference>& buffers) {
  const size_t bytes = static_cast<size_t>(value.weight_rows) * row_bytes(value.dtype, value.columns);
  if (value.experts.empty()) {
    require(info, binding.IsObject() && !binding.IsArray(), "one binding for a matrix");
    value.weight = bind_matrix(info, binding.As<Napi::Object>(), bytes, memory, buffers);
    return;
  }
  require(info, binding.IsArray() && binding.As<Napi::Array>().Length() == value.experts.size(), "one binding for each matrix of a stack");
  const Napi::Array list = binding.As<Napi::Array>();
  for (size_t i = 0; i < value.experts.size(); i++) {
    const Napi::HandleScope scope(info.Env());
    value.experts[i] = bind_matrix(info, list.Get(static_cast<uint32_t>(i)).As<Napi::Object>(), bytes, memory, buffers);
  }
}

}  // namespace

Napi::Function ExecutorHandle::define(Napi::Env env) {
  return DefineClass(env, "Executor", {InstanceMethod<&ExecutorHandle::prepare>("prepare"),
                                    InstanceMethod<&ExecutorHandle::measure>("measure")});
}

ExecutorHandle::ExecutorHandle(const Napi::CallbackInfo& info) : ObjectWrap(info) {
  require(info, info[0].IsNumber() && info[1].IsString(), "new Executor(threads, isa)");
  threads_ = info[0].As<Napi::Number>().Int32Value();
  require(info, threads_ >= 1 && threads_ <= kMaxThreads, "threads is out of range");
  const std::string name = info[1].As<Napi::String>();
  isa_ = kIsaCount;
  for (int isa = 0; isa < kIsaCount; isa++)
    if (name == kIsaNames[isa] && isa_present(isa)) isa_ = isa;
  require(info, isa_ < kIsaCount, "the instruction set is not present");
}

Napi::Value ExecutorHandle::prepare(const Napi::CallbackInfo& info) {
  require(info, info[0].IsTypedArray() && info[1].IsArray(), "prepare(words, weights)");
  const Napi::Float64Array words = info[0].As<Napi::Float64Array>();
  const Napi::Array bindings = info[1].As<Napi::Array>();
  Program program = decode_program(words.Data(), words.ElementLength());
  require(info, bindings.Length() == program.values.size(), "one binding for each value");

  WeightMemory memory;
  PreparedHandle::Parts parts;
  for (size_t i = 0; i < program.values.size(); i++)
    if (program.values[i].kind == ValueKind::Weight)
      bind_weight(info, bindings.Get(static_cast<uint32_t>(i)), program.values[i], memory, parts.buffers);

  parts.prepared = std::make_shared<Prepared>(std::move(program), std::move(memory), kernel_table(isa_), team());
  Addon& addon = *info.Env().GetInstanceData<Addon>();
  return addon.prepared.New({Napi::External<PreparedHandle::Parts>::New(info.Env(), &parts)});
}

Napi::Value ExecutorHandle::measure(const Napi::CallbackInfo& info) {
  require(info, info[1].IsNumber() && info[1].As<Napi::Number>().Int32Value() >= 1, "measure(abort, milliseconds)");
  const std::chrono::milliseconds time(info[1].As<Napi::Number>().Int32Value());
  auto job = std::make_unique<ProbeJob>(info.Env(), team(), kernel_table(isa_).probe, kernel_table(best_isa()).probe, time);
  job->abort = job->abort_by(info[0]);
  return job.release()->start();
}

std::shared_ptr<Team> ExecutorHandle::team() {
  std::shared_ptr<Team> team = team_.lock();
  if (!team) team_ = team = std::make_shared<Team>(threads_);
  return team;
}

}  // namespace fak
