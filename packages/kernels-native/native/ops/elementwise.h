// What add, siluMul and sigmoidMul have in common: two equal shapes in, one out, cut into runs of floats.
#pragma once

#include <algorithm>

#include "ops/op.h"

namespace fak {

using ElementwiseKernel = void (*)(const float* a, const float* b, float* y, int64_t n);

class Elementwise final : public Task {
 public:
  /// `cost`: nanoseconds for 1,000 floats.
  Elementwise(const OpBuilder& b, ElementwiseKernel kernel, double cost)
      : kernel_(kernel), cost_(cost), a_(b.input_id(0)), b_(b.input_id(1)), y_(b.node.output), rows_(b.output().rows),
        columns_(b.output().columns) {}

  Work work(const Step& step) const override {
    return {(floats(step) + kUnit - 1) / kUnit, cost_ * static_cast<double>(kUnit) / 1000};
  }

  void run(const Step& step, int64_t begin, int64_t end, int) const override {
    const int64_t from = begin * kUnit, n = std::min(end * kUnit, floats(step)) - from;
    kernel_(step.activations[a_] + from, step.activations[b_] + from, step.activations[y_] + from, n);
  }

 private:
  static constexpr int64_t kUnit = 1024;
  int64_t floats(const Step& step) const { return rows_.of(step.T, step.R) * columns_; }

  ElementwiseKernel kernel_;
  double cost_;
  int a_, b_, y_;
  RowCount rows_;
  int64_t columns_;
};

}  // namespace fak
