// The addon's classes: argument checks, lifetimes and the hand-over to the team. No arithmetic.
#pragma once

#include <napi.h>

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "executor/prepared.h"

namespace fak {

class Job;
class StepJob;

void finish_job(Napi::Env env, Napi::Function, void*, Job* job);
using FinishedFunction = Napi::TypedThreadSafeFunction<void, Job, finish_job>;

/// What one JavaScript environment holds: the classes that are made from C++, and the jobs on their way.
struct Addon {
  Napi::FunctionReference state, prepared;
  std::set<Job*> running;
  FinishedFunction finished;
};

/// A weight file mapped for reading. new Mapping(path); byteLength.
class MappingHandle : public Napi::ObjectWrap<MappingHandle> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit MappingHandle(const Napi::CallbackInfo& info);
  const std::shared_ptr<Mapping>& get() const { return mapping_; }

 private:
  Napi::Value byte_length(const Napi::CallbackInfo& info);
  std::shared_ptr<Mapping> mapping_;
};

/// A team and a kernel table to prepare programs with. new Executor(threads, isaName); prepare(words, weights);
/// measure(abort, milliseconds). The team's threads live as long as a program prepared here does, or a measurement runs.
class ExecutorHandle : public Napi::ObjectWrap<ExecutorHandle> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit ExecutorHandle(const Napi::CallbackInfo& info);

 private:
  Napi::Value prepare(const Napi::CallbackInfo& info);
  Napi::Value measure(const Napi::CallbackInfo& info);
  std::shared_ptr<Team> team();
  int threads_ = 1;
  int isa_ = 0;
  std::weak_ptr<Team> team_;
};

/// A prepared program. createState(); stateBytes; run(requests, pinned, profiled); dispose(). Made by ExecutorHandle.
class PreparedHandle : public Napi::ObjectWrap<PreparedHandle> {
 public:
  /// What the constructor takes over.
  struct Parts {
    std::shared_ptr<Prepared> prepared;
    std::vector<Napi::ObjectReference> buffers;  ///< weights that lie in JavaScript memory
  };
  static Napi::Function define(Napi::Env env);
  explicit PreparedHandle(const Napi::CallbackInfo& info);

 private:
  Napi::Value create_state(const Napi::CallbackInfo& info);
  Napi::Value state_bytes(const Napi::CallbackInfo& info);
  Napi::Value run(const Napi::CallbackInfo& info);
  Request request_of(const Napi::CallbackInfo& info, Napi::Object from, StepJob& job) const;
  void dispose(const Napi::CallbackInfo& info);
  Parts parts_;
};

/// The state of one sequence. byteLength; lost; fork(position); reset(); dispose(). Made by PreparedHandle, or by a fork.
class StateHandle : public Napi::ObjectWrap<StateHandle> {
 public:
  /// What the constructor takes over.
  struct Parts {
    std::unique_ptr<State> state;
    uint64_t owner;  ///< the prepared program
  };
  /// A new object around a state. @throws std::bad_alloc without one
  static Napi::Value wrap(Napi::Env env, Parts parts);
  static Napi::Function define(Napi::Env env);
  explicit StateHandle(const Napi::CallbackInfo& info);
  State* get() const { return parts_.state.get(); }
  bool belongs_to(const Prepared& prepared) const { return parts_.owner == prepared.id(); }

 private:
  Napi::Value byte_length(const Napi::CallbackInfo& info);
  Napi::Value lost(const Napi::CallbackInfo& info);
  Napi::Value fork(const Napi::CallbackInfo& info);
  /// Room for the cache rows of so many positions.
  void reserve(const Napi::CallbackInfo& info);
  /// Copies an array out to, or in from, a Uint8Array: (index, position, bytes).
  void read(const Napi::CallbackInfo& info);
  void write(const Napi::CallbackInfo& info);
  void reset(const Napi::CallbackInfo& info);
  void dispose(const Napi::CallbackInfo& info);
  /// The array that a call names, and where its bytes are in JavaScript.
  struct Array {
    size_t index;
    int64_t position;
    uint8_t* bytes;
  };
  Array array_of(const Napi::CallbackInfo& info) const;
  Parts parts_;
};

/// describe(): what this build and machine offer.
Napi::Value describe(const Napi::CallbackInfo& info);

/// Throws the TypeError that a wrong argument deserves. TypeScript checks first; this keeps memory safe if it ever does not.
inline void require(const Napi::CallbackInfo& info, bool condition, const char* message) {
  if (!condition) throw Napi::TypeError::New(info.Env(), message);
}

}  // namespace fak
