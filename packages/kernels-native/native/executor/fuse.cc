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
    for (size_t i = 0; i < program_.ops.size(); i++) join_add(static_cast<int>(i));
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
      removed_[static_cast<size_t>(index)] = true;
      look();
      return;
    }
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
    if (!is_row_op(node) || pinned(node.output) || all.empty()) return false;
    // Linears share the rows that are prepared for one of them.
    const auto is_linear = [&](const Use& use) { return use.input == 0 && takes_prepared_rows(op(use.op)); };
    if (std::all_of(all.begin(), all.end(), is_linear)) return true;
    return all.size() == 1 && op(all[0].op).inlined;
  }

  Program program_;
  std::vector<int> writers_;
  std::vector<bool> removed_;
  std::vector<std::vector<Use>> uses_;
};

}  // namespace

Program fuse(Program program) { return Fuser(std::move(program)).run(); }

}  // namespace fak
