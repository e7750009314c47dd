// scale: y = x * factor, one factor for all elements. A unit is a run of floats.
#include <algorithm>

#include "ops/op.h"

namespace fak {

namespace {

class Scale final : public Task {
 public:
  explicit Scale(const OpBuilder& b)
      : x_(b.input_id(0)), y_(b.node.output), rows_(b.output().rows), columns_(b.output().columns), factor_(b.floats(1)) {}

  Work work(const Step& step) const override { return {(floats(step) + kUnit - 1) / kUnit, kUnit * 0.06}; }

  void run(const Step& step, int64_t begin, int64_t end, int) const override {
    const int64_t from = begin * kUnit, n = std::min(end * kUnit, floats(step)) - from;
    step.kernels->floats.scale(step.activations[x_] + from, *factor_, step.activations[y_] + from, n);
  }

 private:
  static constexpr int64_t kUnit = 1024;
  int64_t floats(const Step& step) const { return rows_.of(step.T, step.R) * columns_; }

  int x_, y_;
  RowCount rows_;
  int64_t columns_;
  const float* factor_;
};

}  // namespace

void make_scale(OpBuilder& b) { b.planned().main = std::make_unique<Scale>(b); }

}  // namespace fak
