// ActivationRows: the rows of an activation in the forms that the kernels of stored types want, made once for all ops that read them.
#pragma once

#include "executor/memory.h"
#include "ops/row_source.h"

namespace fak {

/// A unit is a row. Where the op that writes the activation is inlined, its rows exist in these forms alone.
class ActivationRows final : public Task {
 public:
  ActivationRows(const OpBuilder& b, int value)
      : source_(make_row_source(b, value)), producer_(b.producer(value)), rows_(b.program.values[static_cast<size_t>(value)].rows),
        k_(b.program.values[static_cast<size_t>(value)].columns) {
    private_bytes = static_cast<size_t>(source_->scratch_floats) * sizeof(float);
    ops = source_->ops;
    for (const OpNode& node : b.program.ops) {
      if (!takes_prepared_rows(node) || node.inputs[0] != value) continue;
      const Value& weight = b.program.values[static_cast<size_t>(node.inputs[std::string_view(kind_of(node).name) == "expertLinear" ? 2 : 1])];
      Form& form = forms_[static_cast<size_t>(b.kernels.linear[static_cast<int>(weight.dtype)].activation)];
      form.wanted = true;
    }
    for (int format = 0; format < kActivationFormatCount; format++) {
      Form& form = forms_[format];
      if (!form.wanted) continue;
      form.offset = shared_bytes;
      form.stride = activation_row_bytes(static_cast<ActivationFormat>(format), k_);
      form.quantize = b.kernels.quantize_row[format];
      shared_bytes += align_up(static_cast<size_t>(rows_.of(b.program.max_tokens, b.program.max_tokens)) * form.stride);
      cost_ += static_cast<double>(k_) * 0.4;
    }
  }

  Work work(const Step& step) const override { return {rows_.of(step.T, step.R), source_->cost + cost_}; }

  void run(const Step& step, int64_t begin, int64_t end, int thread) const override {
    for (int64_t t = begin; t < end; t++) {
      const float* x = source_->row(step, t, step.scratch(thread));
      // Quantizing would turn NaN into an ordinary number, so this is where it must be seen.
      step.check_finite(x, k_, producer_);
      for (const Form& form : forms_)
        if (form.wanted) form.quantize(x, step.shared + shared_offset + form.offset + static_cast<size_t>(t) * form.stride, k_);
    }
  }

  /// Row 0 in one of the forms that are wanted; the others follow, one stride apart.
  const uint8_t* rows(const Step& step, ActivationFormat format) const {
    return step.shared + shared_offset + forms_[static_cast<int>(format)].offset;
  }
  size_t stride(ActivationFormat format) const { return forms_[static_cast<int>(format)].stride; }

 private:
  struct Form {
    bool wanted = false;
    size_t offset = 0, stride = 0;
    void (*quantize)(const float* x, uint8_t* out, int64_t k) = nullptr;
  };
  std::unique_ptr<RowSource> source_;
  int producer_;
  RowCount rows_;
  int64_t k_;
  double cost_ = 0;
  Form forms_[kActivationFormatCount];
};

/// Index of the preparation of input 0.
inline int prepare_activation_rows(OpBuilder& b) {
  const int value = b.input_id(0);
  return b.prepare("rows " + std::to_string(value), [&] { return std::make_unique<ActivationRows>(b, value); });
}

}  // namespace fak
