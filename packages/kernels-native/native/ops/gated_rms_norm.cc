// gatedRmsNorm: rmsNorm of x, times silu(z). A unit is a row.
#include "ops/op.h"

namespace fak {

namespace {

class GatedRmsNorm final : public Task {
 public:
  explicit GatedRmsNorm(const OpBuilder& b)
      : x_(b.input_id(0)), z_(b.input_id(1)), y_(b.node.output), rows_(b.output().rows), columns_(b.output().columns),
        d_(b.input(2).columns), weight_(b.floats(2)), eps_(static_cast<float>(b.number(0))) {}

  Work work(const Step& step) const override {
    return {rows_.of(step.T, step.R), static_cast<double>(columns_) * 0.6};
  }

  void run(const Step& step, int64_t begin, int64_t end, int) const override {
    const int64_t from = begin * columns_;
    step.kernels->floats.gated_rms_norm(step.activations[x_] + from, step.activations[z_] + from, weight_,
                                        step.activations[y_] + from, (end - begin) * columns_ / d_, d_, eps_);
  }

 private:
  int x_, z_, y_;
  RowCount rows_;
  int64_t columns_, d_;
  const float* weight_;
  float eps_;
};

}  // namespace

void make_gated_rms_norm(OpBuilder& b) { b.planned().main = std::make_unique<GatedRmsNorm>(b); }

}  // namespace fak
