// route: the topK experts of each row and their weights. Attribute: topK. A unit is a row.
#include "ops/op.h"

namespace fak {

namespace {

class Route final : public Task {
 public:
  explicit Route(const OpBuilder& b)
      : logits_(b.input_id(0)), producer_(b.producer(b.input_id(0))), y_(b.node.output), rows_(b.output().rows), experts_(b.input(0).columns),
        top_k_(b.integer(0)) {}

  Work work(const Step& step) const override {
    return {rows_.of(step.T, step.R), static_cast<double>(experts_) * 1.5 + static_cast<double>(top_k_) * 20};
  }

  void run(const Step& step, int64_t begin, int64_t end, int) const override {
    for (int64_t t = begin; t < end; t++) {
      const float* logits = step.activations[logits_] + t * experts_;
      // Comparisons with NaN would choose plausible experts, so this is where it must be seen.
      step.check_finite(logits, experts_, producer_, rows_, t);
      step.kernels->floats.route(logits, step.activations[y_] + t * 2 * top_k_, experts_, top_k_);
    }
  }

 private:
  int logits_, producer_, y_;
  RowCount rows_;
  int64_t experts_, top_k_;
};

}  // namespace

void make_route(OpBuilder& b) { b.planned().main = std::make_unique<Route>(b); }

}  // namespace fak
