// gatedAdd: y = a + sigmoid(gate) * b with one gate for each row. A unit is a row.
#include "ops/op.h"

namespace fak {

namespace {

class GatedAdd final : public Task {
 public:
  explicit GatedAdd(const OpBuilder& b)
      : a_(b.input_id(0)), b_(b.input_id(1)), gate_(b.input_id(2)), y_(b.node.output), rows_(b.output().rows),
        columns_(b.output().columns) {}

  Work work(const Step& step) const override { return {rows_.of(step.T, step.R), static_cast<double>(columns_) * 0.2}; }

  void run(const Step& step, int64_t begin, int64_t end, int) const override {
    for (int64_t t = begin; t < end; t++)
      step.kernels->floats.gated_add(step.activations[a_] + t * columns_, step.activations[b_] + t * columns_,
                                     step.activations[gate_][t], step.activations[y_] + t * columns_, columns_);
  }

 private:
  int a_, b_, gate_, y_;
  RowCount rows_;
  int64_t columns_;
};

}  // namespace

void make_gated_add(OpBuilder& b) { b.planned().main = std::make_unique<GatedAdd>(b); }

}  // namespace fak
