// combineExperts: the slots of each row, weighted by `routes` and added in order. Attribute: topK. A unit is a row.
#include "ops/op.h"

namespace fak {

namespace {

class CombineExperts final : public Task {
 public:
  explicit CombineExperts(const OpBuilder& b)
      : x_(b.input_id(0)), routes_(b.input_id(1)), y_(b.node.output), rows_(b.output().rows), columns_(b.output().columns),
        top_k_(b.integer(0)) {}

  Work work(const Step& step) const override {
    return {rows_.of(step.T, step.R), static_cast<double>(columns_ * top_k_) * 0.2};
  }

  void run(const Step& step, int64_t begin, int64_t end, int) const override {
    for (int64_t t = begin; t < end; t++)
      step.kernels->floats.combine_experts(step.activations[x_] + t * top_k_ * columns_,
                                           step.activations[routes_] + t * 2 * top_k_ + top_k_,
                                           step.activations[y_] + t * columns_, top_k_, columns_);
  }

 private:
  int x_, routes_, y_;
  RowCount rows_;
  int64_t columns_, top_k_;
};

}  // namespace

void make_combine_experts(OpBuilder& b) { b.planned().main = std::make_unique<CombineExperts>(b); }

}  // namespace fak
