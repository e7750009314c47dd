#include "executor/fuse.h"

#include <algorithm>
#include <string_view>

#include "executor/plan.h"
#include "ops/op.h"
#include "ops/row_source.h"

namespace fak {

namespace {

class Fuser {
 public:
  explicit Fuser(Program program) : program_(std::move(program)), removed_(program_.ops.size(), false) {
    for (size_t i = 0; i < program_.ops.size(); i++) program_.ops[i].parts = {static_cast<int>(i)};
  }

  Program run() {
    look();
    for (int i = 0; i < static_cast<int>(program_.ops.size()); i++) {
      join_add(i);
      join_gated_linear(i);
      join_delta_net(i);
    }
    sweep();
    for (size_t i = program_.ops.size(); i-- > 0;) program_.ops[i].inlined = can_inline(program_.ops[i]);
    plan(program_);
    return std::move(program_);
  }

 private:
  /// An operand of an op.
  struct Use {
    int op, input;
  };

  OpNode& op(int index) { return program_.ops[static_cast<size_t>(index)]; }
  std::string_view kind(const OpNode& node) const { return kind_of(node).name; }
  int writer(int value) const { return writers_[static_cast<size_t>(value)]; }
  const std::vector<Use>& uses(int value) const { return uses_[static_cast<size_t>(value)]; }
  bool pinned(int value) const {
    return std::find(program_.pinned.begin(), program_.pinned.end(), value) != program_.pinned.end();
  }

  /// Who writes and who reads each value.
  void look() {
    writers_.assign(program_.values.size(), -1);
    uses_.assign(program_.values.size(), {});
    for (size_t i = 0; i < program_.ops.size(); i++) {
      if (removed_[i]) continue;
      const OpNode& node = program_.ops[i];
      writers_[static_cast<size_t>(node.output)] = static_cast<int>(i);
      for (size_t input = 0; input < node.inputs.size(); input++)
        uses_[static_cast<size_t>(node.inputs[input])].push_back({static_cast<int>(i), static_cast<int>(input)});
    }
  }

  /// The op of this kind that writes a value which nobody but its one reader needs; -1 if there is none.
  int private_writer(int value, std::string_view of_kind) {
    const int index = writer(value);
    return index >= 0 && kind(op(index)) == of_kind && uses(value).size() == 1 && !pinned(value) ? index : -1;
  }

  /// linear + add
  void join_add(int index) {
    OpNode& add = op(index);
    if (kind(add) != "add") return;
    for (const size_t side : {1, 0}) {
      const int linear = private_writer(add.inputs[side], "linear"), other = add.inputs[1 - side];
      // The other operand must not depend on the linear's result.
      if (linear < 0 || writer(other) > linear) continue;
      OpNode& joined = op(linear);
      joined.kind = kind_index("linearAdd");
      joined.inputs.push_back(other);
      joined.output = add.output;
      joined.parts.push_back(index);
      remove(index);
      return;
    }
  }

  /// (linear, linear) + siluMul
  void join_gated_linear(int index) {
    OpNode& product = op(index);
    if (kind(product) != "siluMul" || !prepared(product.output)) return;
    const int gate = private_writer(product.inputs[0], "linear"), up = private_writer(product.inputs[1], "linear");
    if (gate < 0 || up < 0 || op(gate).inputs[0] != op(up).inputs[0]) return;
    product.kind = kind_index("gatedLinear");
    product.inputs = {op(gate).inputs[0], op(gate).inputs[1], op(up).inputs[1]};
    product.parts = {gate, up, index};
    remove(gate);
    remove(up);
  }

  /// causalConv1d + gatedDelta + gatedRmsNorm
  void join_delta_net(int index) {
    OpNode& norm = op(index);
    if (kind(norm) != "gatedRmsNorm" || !prepared(norm.output)) return;
    const int delta_index = private_writer(norm.inputs[0], "gatedDelta");
    if (delta_index < 0) return;
    const OpNode& delta = op(delta_index);
    const int conv_index = private_writer(delta.inputs[0], "causalConv1d");
    if (conv_index < 0) return;
    const OpNode& conv = op(conv_index);
    const double Dv = delta.attrs[3], norm_columns = static_cast<double>(program_.values[static_cast<size_t>(norm.inputs[2])].columns);
    // With silu, a head normed as a whole, and every key head with its share of the value heads.
    const bool whole_heads = norm_columns == Dv && static_cast<int64_t>(delta.attrs[1]) % static_cast<int64_t>(delta.attrs[0]) == 0;
    if (conv.attrs[0] != 0 || !whole_heads) return;
    OpNode joined;
    joined.kind = kind_index("deltaNet");
    joined.inputs = conv.inputs;
    joined.inputs.insert(joined.inputs.end(), delta.inputs.begin() + 1, delta.inputs.end());
    joined.inputs.insert(joined.inputs.end(), norm.inputs.begin() + 1, norm.inputs.end());
    joined.states = {conv.states[0], delta.states[0]};
    joined.attrs = delta.attrs;
    joined.attrs.push_back(norm.attrs[0]);
    joined.output = norm.output;
    joined.parts = {conv_index, delta_index, index};
    norm = joined;
    remove(conv_index);
    remove(delta_index);
  }

  void remove(int index) {
    removed_[static_cast<size_t>(index)] = true;
    look();
  }

  /// Whether all who read a value, which nobody else wants, take it as prepared rows.
  bool prepared(int value) {
    const std::vector<Use>& all = uses(value);
    return !pinned(value) && !all.empty() &&
           std::all_of(all.begin(), all.end(), [&](const Use& use) { return use.input == 0 && takes_prepared_rows(op(use.op)); });
  }

  void sweep() {
    size_t index = 0;
    const auto is_removed = [&](const OpNode&) { return static_cast<bool>(removed_[index++]); };
    program_.ops.erase(std::remove_if(program_.ops.begin(), program_.ops.end(), is_removed), program_.ops.end());
    removed_.assign(program_.ops.size(), false);
    look();
  }

  /// Whether everybody who reads the op's result takes it row by row, and nobody would compute a row twice.
  bool can_inline(const OpNode& node) {
    const std::vector<Use>& all = uses(node.output);
    if (!is_row_op(node) || pinned(node.output)) return false;
    // Linears share the rows that are prepared for one of them.
    return prepared(node.output) || (all.size() == 1 && (op(all[0].op).inlined || takes_row_source(op(all[0].op))));
  }

  Program program_;
  std::vector<int> writers_;
  std::vector<bool> removed_;
  std::vector<std::vector<Use>> uses_;
};

}  // namespace

Program fuse(Program program) { return Fuser(std::move(program)).run(); }

}  // namespace fak
