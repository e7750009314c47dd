// rmsNorm: each run of D floats divided by its root mean square, times the weight. A unit is a row.
#include "ops/op.h"

namespace fak {

namespace {

class RmsNorm final : public Task {
 public:
  explicit RmsNorm(const OpBuilder& b)
      : x_(b.input_id(0)), y_(b.node.output), rows_(b.output().rows), columns_(b.output().columns), d_(b.input(1).columns),
        weight_(b.floats(1)), eps_(static_cast<float>(b.number(0))) {}

  Work work(const Step& step) const override {
    return {rows_.of(step.T, step.R), static_cast<double>(columns_) * 0.15};
  }

  void run(const Step& step, int64_t begin, int64_t end, int) const override {
    const int64_t from = begin * columns_;
    step.kernels->floats.rms_norm(step.activations[x_] + from, weight_, step.activations[y_] + from,
                                  (end - begin) * columns_ / d_, d_, eps_);
  }

 private:
  int x_, y_;
  RowCount rows_;
  int64_t columns_, d_;
  const float* weight_;
  float eps_;
};

}  // namespace

void make_rms_norm(OpBuilder& b) { b.planned().main = std::make_unique<RmsNorm>(b); }

}  // namespace fak
