// Op drivers. A driver turns one op of the Program into tasks: it slices the work into units that any thread may take, and calls leaf
// kernels on them. Most ops are one task. Some need something prepared first that ops may share: quantized activation rows, rope
// angles. Preparations with equal keys are made once; each runs before the first phase that needs it, and after what it reads itself.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "executor/program.h"
#include "executor/step.h"

namespace fak {

/// How much there is to do: units that can be done in any order by any thread, and about how many nanoseconds one takes a core.
struct Work {
  int64_t units = 0;
  double cost = 0;
};

class Task {
 public:
  virtual ~Task() = default;
  virtual Work work(const Step& step) const = 0;
  /// Does the units [begin, end). Must not allocate; must hold no object with a destructor (a fault in mapped weights leaves by longjmp).
  virtual void run(const Step& step, int64_t begin, int64_t end, int thread) const = 0;
  /// Called before a step when the one before it ended half-way: forgets what that left.
  virtual void reset() const {}
  /// Whether the task reads or writes a state, a position, or rows by their place in a sequence: then it is given each sequence's part of
  /// the step by itself. Otherwise all rows at once.
  virtual bool by_sequence() const { return false; }

  /// Bytes that the main task of an op leaves for its `last`, by the step.
  virtual size_t partial_bytes(const Step&) const { return 0; }

  size_t shared_bytes = 0;   ///< result that other tasks read; set by the constructor
  size_t shared_offset = 0;  ///< its place; set by the plan
  size_t private_bytes = 0;  ///< scratch of each thread; set by the constructor
  std::vector<int> ops;      ///< of the caller's Program, what it does; empty for what is only made ready
};

/// An op ready to be scheduled.
struct PlannedOp {
  std::unique_ptr<Task> main;     ///< null for an op that is inlined
  std::unique_ptr<Task> last;     ///< what is left to do when all of `main` is done; null for most
  std::vector<int> preparations;  ///< indices into Tasks::preparations
  /// Inputs that the states depend on, when the states are written by preparations alone: then `main` only feeds the output.
  std::vector<int> state_inputs;
};

/// Something that ops share.
struct Preparation {
  std::unique_ptr<Task> task;
  std::string key;  ///< empty for one that is not shared
  int depth;        ///< it reads preparations of lower depths alone
};

struct Tasks {
  std::vector<PlannedOp> ops;  ///< by op
  std::vector<Preparation> preparations;
};

/// What a driver's factory sees of its op.
class OpBuilder {
 public:
  OpBuilder(const Program& program, int index, const KernelTable& kernels, Tasks& tasks)
      : program(program), node(program.ops[static_cast<size_t>(index)]), op(node.parts.back()), kernels(kernels), tasks_(tasks),
        index_(index) {}

  const Program& program;
  const OpNode& node;
  const int op;  ///< its name in messages: an op of the caller's Program
  const KernelTable& kernels;

  int input_id(int i) const { return node.inputs[static_cast<size_t>(i)]; }
  const Value& input(int i) const { return program.values[static_cast<size_t>(input_id(i))]; }
  const Value& output() const { return program.values[static_cast<size_t>(node.output)]; }
  int state(int i) const { return node.states[static_cast<size_t>(i)]; }
  double number(int i) const { return node.attrs[static_cast<size_t>(i)]; }
  int64_t integer(int i) const { return static_cast<int64_t>(number(i)); }
  /// Address of a float weight.
  const float* floats(int i) const { return reinterpret_cast<const float*>(input(i).weight); }
  /// Index of the op that writes a value; -1 for weights and tokens.
  int writer(int value) const;
  /// The name in messages of the op that writes a value.
  int producer(int value) const;

  /// Index of the preparation with this key; made by `make` if no op before asked for it. An empty key is never shared. What it reads
  /// itself, of lower depth, must have been asked for by the same op.
  template <class Make>
  int prepare(const std::string& key, Make make, int depth = 0) {
    for (size_t i = 0; i < tasks_.preparations.size(); i++)
      if (!key.empty() && tasks_.preparations[i].key == key) return use(static_cast<int>(i));
    tasks_.preparations.push_back({make(), key, depth});
    return use(static_cast<int>(tasks_.preparations.size()) - 1);
  }
  const Task& preparation(int index) const { return *tasks_.preparations[static_cast<size_t>(index)].task; }

  PlannedOp& planned() { return tasks_.ops[static_cast<size_t>(index_)]; }

 private:
  int use(int preparation) {
    planned().preparations.push_back(preparation);
    return preparation;
  }
  Tasks& tasks_;
  const int index_;
};

/// A kind of op: its name in the Program, how many operands it has, and its driver.
struct OpKind {
  const char* name;
  size_t inputs, states, attrs;
  void (*make)(OpBuilder& builder);
};

/// Every kind of the catalogue that has a driver; a Program names them by index.
const std::vector<OpKind>& op_kinds();

/// The kind of an op: one of the catalogue, or one that fusing makes.
const OpKind& kind_of(const OpNode& node);
/// OpNode::kind for a name.
int kind_index(const char* name);

/// Drivers for all ops of a fused program whose weights are bound. @throws std::runtime_error for wrong counts of operands.
Tasks make_tasks(const Program& program, const KernelTable& kernels);

// One factory per file of this folder.
void make_add(OpBuilder& builder);
void make_attention(OpBuilder& builder);
void make_causal_conv1d(OpBuilder& builder);
void make_combine_experts(OpBuilder& builder);
void make_concat(OpBuilder& builder);
void make_delta_net(OpBuilder& builder);
void make_embedding(OpBuilder& builder);
void make_expert_linear(OpBuilder& builder);
void make_gated_add(OpBuilder& builder);
void make_gated_delta(OpBuilder& builder);
void make_gated_linear(OpBuilder& builder);
void make_gated_rms_norm(OpBuilder& builder);
void make_last_rows(OpBuilder& builder);
void make_linear(OpBuilder& builder);
void make_rms_norm(OpBuilder& builder);
void make_rope(OpBuilder& builder);
void make_route(OpBuilder& builder);
void make_scale(OpBuilder& builder);
void make_sigmoid_mul(OpBuilder& builder);
void make_silu_mul(OpBuilder& builder);
void make_slice_heads(OpBuilder& builder);

}  // namespace fak
