// linear: y = x W^T, and linearAdd, which fusing makes: y = x W^T + r. The rows of x are first brought into the form that the weight's
// kernel wants, once for all linears that read the same x. A unit is a group of weight rows, for all rows of x.
#include <algorithm>

#include "ops/activation_rows.h"
#include "ops/linear_cost.h"

namespace fak {

namespace {

class Linear final : public Task {
 public:
  Linear(const OpBuilder& b, const ActivationRows& x)
      : x_(x), weight_(b.input(1)), residual_(b.node.inputs.size() > 2 ? b.input_id(2) : -1), y_(b.node.output),
        op_(b.node.parts[0]), rows_(b.output().rows), format_(b.kernels.linear[static_cast<int>(weight_.dtype)].activation),
        kernel_(b.kernels.linear[static_cast<int>(weight_.dtype)].linear) {}

  Work work(const Step& step) const override {
    const int64_t columns = rows_.of(step.T, step.R);
    if (columns == 0) return {};
    const int64_t unit = rows_per_unit(weight_.weight_rows, columns, step.threads);
    const double row = std::max(row_read_ns(weight_.dtype, weight_.columns),
                                static_cast<double>(columns) * row_multiply_ns(weight_.columns));
    return {(weight_.weight_rows + unit - 1) / unit, static_cast<double>(unit) * row};
  }

  void run(const Step& step, int64_t begin, int64_t end, int) const override {
    LinearArgs args;
    args.columns = rows_.of(step.T, step.R);
    const int64_t unit = rows_per_unit(weight_.weight_rows, args.columns, step.threads);
    const int64_t first = begin * unit, last = std::min(end * unit, weight_.weight_rows);
    args.weight_stride = row_bytes(weight_.dtype, weight_.columns);
    args.weight = weight_.weight + static_cast<size_t>(first) * args.weight_stride;
    args.x = x_.rows(step, format_);
    args.x_stride = x_.stride(format_);
    args.y = step.activations[y_] + first;
    args.y_stride = static_cast<size_t>(weight_.weight_rows);
    args.rows = last - first;
    args.k = weight_.columns;
    kernel_(args);
    const float* residual = residual_ < 0 ? nullptr : step.activations[residual_] + first;
    step.each_part(rows_, [&](const Step& part, int64_t row, int64_t count) {
      const int64_t at = row * weight_.weight_rows;
      if (!step.kernels->floats.finish(args.y + at, residual ? residual + at : nullptr, args.y_stride, count, args.rows))
        part.failure->report(Outcome::NonFinite, op_);
    });
  }

 private:
  const ActivationRows& x_;
  const Value weight_;
  int residual_, y_, op_;  // residual_: -1 for none
  RowCount rows_;
  ActivationFormat format_;
  void (*kernel_)(const LinearArgs& args);
};

}  // namespace

void make_linear(OpBuilder& b) {
  b.planned().main = std::make_unique<Linear>(b, prepare_activation_rows(b, b.input_id(0)));
}

}  // namespace fak
