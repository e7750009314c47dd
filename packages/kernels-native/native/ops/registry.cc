// The op catalogue of this executor. A new op is a file beside this one, a line in op.h and a line here.
#include <cstring>
#include <stdexcept>

#include "ops/op.h"

namespace fak {

const std::vector<OpKind>& op_kinds() {
  static const std::vector<OpKind> kinds = {
      // name, inputs, states, attrs
      {"add", 2, 0, 0, make_add},
      {"attention", 3, 2, 5, make_attention},
      {"causalConv1d", 2, 1, 1, make_causal_conv1d},
      {"combineExperts", 2, 0, 1, make_combine_experts},
      {"concat", 2, 0, 0, make_concat},
      {"embedding", 2, 0, 0, make_embedding},
      {"expertLinear", 3, 0, 2, make_expert_linear},
      {"gatedAdd", 3, 0, 0, make_gated_add},
      {"gatedDelta", 5, 1, 6, make_gated_delta},
      {"gatedRmsNorm", 3, 0, 1, make_gated_rms_norm},
      {"lastRows", 1, 0, 0, make_last_rows},
      {"linear", 2, 0, 0, make_linear},
      {"rmsNorm", 2, 0, 1, make_rms_norm},
      {"rope", 1, 0, 4, make_rope},
      {"route", 1, 0, 1, make_route},
      {"scale", 2, 0, 0, make_scale},
      {"sigmoidMul", 2, 0, 0, make_sigmoid_mul},
      {"siluMul", 2, 0, 0, make_silu_mul},
      {"sliceHeads", 1, 0, 4, make_slice_heads},
  };
  return kinds;
}

namespace {

/// Kinds that executor/fuse.cc makes; their indices follow those of the catalogue.
const std::vector<OpKind>& fused_kinds() {
  static const std::vector<OpKind> kinds = {
      {"deltaNet", 8, 2, 7, make_delta_net},
      {"gatedLinear", 3, 0, 0, make_gated_linear},
      {"linearAdd", 3, 0, 0, make_linear},
  };
  return kinds;
}

}  // namespace

const OpKind& kind_of(const OpNode& node) {
  const size_t kind = static_cast<size_t>(node.kind), known = op_kinds().size();
  return kind < known ? op_kinds()[kind] : fused_kinds()[kind - known];
}

int kind_index(const char* name) {
  int index = 0;
  for (const std::vector<OpKind>* kinds : {&op_kinds(), &fused_kinds()})
    for (const OpKind& kind : *kinds) {
      if (std::strcmp(kind.name, name) == 0) return index;
      index++;
    }
  throw std::runtime_error(std::string("there is no op of kind ") + name);
}

int OpBuilder::writer(int value) const {
  for (size_t index = 0; index < program.ops.size(); index++)
    if (program.ops[index].output == value) return static_cast<int>(index);
  return -1;
}

int OpBuilder::producer(int value) const {
  const int index = writer(value);
  if (index < 0) throw std::runtime_error("an op reads a value that no op writes");
  return program.ops[static_cast<size_t>(index)].parts.back();
}

Tasks make_tasks(const Program& program, const KernelTable& kernels) {
  Tasks tasks;
  tasks.ops.resize(program.ops.size());
  for (size_t i = 0; i < program.ops.size(); i++) {
    const OpNode& node = program.ops[i];
    const OpKind& kind = kind_of(node);
    if (node.inputs.size() != kind.inputs || node.states.size() != kind.states || node.attrs.size() != kind.attrs)
      throw std::runtime_error(std::string("an op of kind ") + kind.name + " has the wrong number of operands");
    if (node.inlined) continue;
    OpBuilder builder(program, static_cast<int>(i), kernels, tasks);
    kind.make(builder);
    std::vector<int>& ops = tasks.ops[i].main->ops;  // what is done on the way stands there already
    ops.insert(ops.end(), node.parts.begin(), node.parts.end());
    if (tasks.ops[i].last) tasks.ops[i].last->ops = node.parts;
  }
  return tasks;
}

}  // namespace fak
