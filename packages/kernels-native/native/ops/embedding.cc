// embedding: one row of the table per token, dequantized exactly. A unit is a token.
#include "ops/op.h"

namespace fak {

namespace {

class Embedding final : public Task {
 public:
  explicit Embedding(const OpBuilder& b)
      : table_(b.input(1)), y_(b.node.output), op_(b.op),
        dequantize_(b.kernels.linear[static_cast<int>(table_.dtype)].dequantize_row) {}

  Work work(const Step& step) const override { return {step.T, static_cast<double>(table_.columns)}; }

  void run(const Step& step, int64_t begin, int64_t end, int) const override {
    const int64_t d = table_.columns;
    for (int64_t t = begin; t < end; t++) {
      float* y = step.activations[y_] + t * d;
      dequantize_(table_.weight + step.tokens[t] * row_bytes(table_.dtype, d), y, d);
      step.check_finite(y, d, op_, {RowCount::kT}, t);
    }
  }

 private:
  const Value table_;
  int y_, op_;
  void (*dequantize_)(const uint8_t* row, float* out, int64_t k);
};

}  // namespace

void make_embedding(OpBuilder& b) { b.planned().main = std::make_unique<Embedding>(b); }

}  // namespace fak
