// lastRows: the last R of T rows. A unit is a row.
#include <cstring>

#include "ops/op.h"

namespace fak {

namespace {

class LastRows final : public Task {
 public:
  explicit LastRows(const OpBuilder& b) : x_(b.input_id(0)), y_(b.node.output), columns_(b.output().columns) {}

  Work work(const Step& step) const override { return {step.R, static_cast<double>(columns_) * 0.1}; }

  void run(const Step& step, int64_t begin, int64_t end, int) const override {
    for (int64_t r = begin; r < end; r++)
      std::memcpy(step.activations[y_] + r * columns_, step.activations[x_] + step.last_rows[r] * columns_,
                  static_cast<size_t>(columns_) * sizeof(float));
  }

 private:
  int x_, y_;
  int64_t columns_;
};

}  // namespace

void make_last_rows(OpBuilder& b) { b.planned().main = std::make_unique<LastRows>(b); }

}  // namespace fak
