// concat: the columns of two activations side by side. A unit is a row.
#include <cstring>

#include "ops/op.h"

namespace fak {

namespace {

class Concat final : public Task {
 public:
  explicit Concat(const OpBuilder& b)
      : a_(b.input_id(0)), b_(b.input_id(1)), y_(b.node.output), rows_(b.output().rows), M_(b.input(0).columns),
        N_(b.input(1).columns) {}

  Work work(const Step& step) const override {
    return {rows_.of(step.T, step.R), static_cast<double>(M_ + N_) * 0.1};
  }

  void run(const Step& step, int64_t begin, int64_t end, int) const override {
    for (int64_t row = begin; row < end; row++) {
      float* y = step.activations[y_] + row * (M_ + N_);
      std::memcpy(y, step.activations[a_] + row * M_, static_cast<size_t>(M_) * sizeof(float));
      std::memcpy(y + M_, step.activations[b_] + row * N_, static_cast<size_t>(N_) * sizeof(float));
    }
  }

 private:
  int a_, b_, y_;
  RowCount rows_;
  int64_t M_, N_;
};

}  // namespace

void make_concat(OpBuilder& b) { b.planned().main = std::make_unique<Concat>(b); }

}  // namespace fak
