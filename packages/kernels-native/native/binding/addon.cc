// The module: its exports, and what happens when its environment ends.
#include "binding/job.h"
#include "isa/cpu.h"
#include "threads/topology.h"

namespace fak {

Napi::Value describe(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Napi::Object result = Napi::Object::New(env);
  result["cores"] = Napi::Number::New(env, usable_cores());
  Napi::Array isas = Napi::Array::New(env);
  for (int isa = 0; isa < kIsaCount; isa++) {
    if (!isa_present(isa)) continue;
    Napi::Object kernels = Napi::Object::New(env);
    for (int type = 0; type < kDTypeCount; type++)
      kernels[kDTypes[type].name] = Napi::String::New(env, kernel_table(isa).linear[type].name);
    Napi::Object entry = Napi::Object::New(env);
    entry["name"] = Napi::String::New(env, kIsaNames[isa]);
    entry["linear"] = kernels;
    isas[isas.Length()] = entry;
  }
  result["isas"] = isas;  // slowest first
  Napi::Array known = Napi::Array::New(env);
  for (const char* name : kIsaNames) known[known.Length()] = Napi::String::New(env, name);
  result["knownIsas"] = known;
  Napi::Array dtypes = Napi::Array::New(env);
  for (const DTypeInfo& type : kDTypes) dtypes[dtypes.Length()] = Napi::String::New(env, type.name);
  result["dtypes"] = dtypes;
  Napi::Array dequantized = Napi::Array::New(env);
  for (int type = 0; type < kDTypeCount; type++)
    if (is_dequantized(static_cast<DType>(type))) dequantized[dequantized.Length()] = Napi::String::New(env, kDTypes[type].name);
  result["dequantized"] = dequantized;
  Napi::Array ops = Napi::Array::New(env);
  for (const OpKind& kind : op_kinds()) ops[ops.Length()] = Napi::String::New(env, kind.name);
  result["ops"] = ops;
  return result;
}

namespace {

/// The environment ends (process exit, worker terminated) with jobs on their way: they must stop touching its memory first.
void bury_running_jobs(Addon* addon) {
  for (Job* job : addon->running) job->ask_to_end();
  for (Job* job : addon->running) {
    job->wait();
    delete job;
  }
  addon->running.clear();
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  Addon* const addon = new Addon;
  env.SetInstanceData(addon);
  addon->prepared = Napi::Persistent(PreparedHandle::define(env));
  addon->state = Napi::Persistent(StateHandle::define(env));
  addon->finished = FinishedFunction::New(env, "fak job", 0, 1);
  addon->finished.Unref(env);
  env.AddCleanupHook(bury_running_jobs, addon);
  exports["Mapping"] = MappingHandle::define(env);
  exports["Executor"] = ExecutorHandle::define(env);
  exports["describe"] = Napi::Function::New<describe>(env);
  return exports;
}

}  // namespace

}  // namespace fak

static Napi::Object fak_init(Napi::Env env, Napi::Object exports) { return fak::init(env, exports); }

NODE_API_MODULE(fak_native, fak_init)
