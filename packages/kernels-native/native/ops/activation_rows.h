// ActivationRows: the rows of an activation in the form that the kernels of a stored type want, made once for all ops that read the
// same rows in the same form.
#pragma once

#include "ops/op.h"

namespace fak {

/// A unit is a row.
class ActivationRows final : public Task {
 public:
  ActivationRows(const OpBuilder& b, ActivationFormat format)
      : x_(b.input_id(0)), producer_(b.producer(0)), rows_(b.input(0).rows), k_(b.input(0).columns),
        stride_(activation_row_bytes(format, k_)), quantize_(b.kernels.quantize_row[static_cast<int>(format)]) {
    shared_bytes = static_cast<size_t>(rows_.of(b.program.max_tokens, b.program.max_tokens)) * stride_;
  }

  Work work(const Step& step) const override { return {rows_.of(step.T, step.R), static_cast<double>(k_) * 0.5}; }

  void run(const Step& step, int64_t begin, int64_t end, int) const override {
    for (int64_t row = begin; row < end; row++) {
      const float* x = step.activations[x_] + row * k_;
      // Quantizing would turn NaN into an ordinary number, so this is where it must be seen.
      step.check_finite(x, k_, producer_);
      quantize_(x, step.shared + shared_offset + static_cast<size_t>(row) * stride_, k_);
    }
  }

  /// Row 0; the others follow, one stride apart.
  const uint8_t* rows(const Step& step) const { return step.shared + shared_offset; }
  size_t stride() const { return stride_; }

 private:
  int x_, producer_;
  RowCount rows_;
  int64_t k_;
  size_t stride_;
  void (*quantize_)(const float* x, uint8_t* out, int64_t k);
};

/// Index of the preparation of input 0 in the form that a kernel wants.
inline int prepare_activation_rows(OpBuilder& b, ActivationFormat format) {
  const std::string key = "rows " + std::to_string(b.input_id(0)) + " " + std::to_string(static_cast<int>(format));
  return b.prepare(key, [&] { return std::make_unique<ActivationRows>(b, format); });
}

}  // namespace fak
