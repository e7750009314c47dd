// gatedLinear: silu(x G^T) * (x U^T), what fusing makes of two linears and the siluMul between them and the next one. A unit is the same
// group of rows of both matrices, for all rows of x; whoever completes a piece of the result brings it into the form that its readers want.
#include <algorithm>

#include "ops/activation_rows.h"
#include "ops/linear_cost.h"
#include "ops/pieces.h"

namespace fak {

namespace {

class GatedLinear final : public Task {
 public:
  GatedLinear(const OpBuilder& b, const ActivationRows& x, const ActivationRows& result)
      : x_(x), result_(result), gate_(b, 0), up_(b, 1), y_(b.node.output), rows_(b.output().rows), width_(b.output().columns),
        pieces_((width_ + ActivationRows::kPieceColumns - 1) / ActivationRows::kPieceColumns) {
    const int64_t most = rows_.of(b.program.max_tokens, b.program.max_tokens);
    private_bytes = static_cast<size_t>(2 * std::max(most * kTileRows, kUnitFloats)) * sizeof(float);
  }

  Work work(const Step& step) const override {
    const int64_t columns = rows_.of(step.T, step.R);
    if (columns == 0) return {};
    const int64_t unit = rows_per_unit(width_, columns, step.threads);
    const double row = gate_.ns(columns) + up_.ns(columns) + static_cast<double>(columns);
    return {(width_ + unit - 1) / unit, static_cast<double>(unit) * row};
  }

  void run(const Step& step, int64_t begin, int64_t end, int thread) const override {
    const int64_t columns = rows_.of(step.T, step.R), unit = rows_per_unit(width_, columns, step.threads);
    // Few columns leave scratch for more rows at a time: longer streams.
    const int64_t most = std::max(unit, kUnitFloats / columns / unit * unit), last = std::min(end * unit, width_);
    for (int64_t first = begin * unit; first < last; first += most) slice(step, columns, first, std::min(first + most, last), thread);
  }

  void reset() const override { pieces_.reset(); }

 private:
  /// One of the two linears.
  struct Half {
    Half(const OpBuilder& b, int index)
        : weight(b.input(1 + index)), stride(row_bytes(weight.dtype, weight.columns)), op(b.node.parts[static_cast<size_t>(index)]),
          kernels(b.kernels.linear[static_cast<int>(weight.dtype)]) {}

    double ns(int64_t columns) const {
      return std::max(row_read_ns(weight.dtype, weight.columns), static_cast<double>(columns) * row_multiply_ns(weight.columns));
    }

    const Value& weight;
    size_t stride;
    int op;
    const LinearKernels& kernels;
  };

  /// Rows [first, last) of one matrix: y [columns, last - first].
  void multiply(const Step& step, const Half& half, int64_t columns, int64_t first, int64_t last, float* y) const {
    LinearArgs args;
    args.weight_stride = half.stride;
    args.weight = half.weight.weight + static_cast<size_t>(first) * half.stride;
    args.x = x_.rows(step, half.kernels.activation);
    args.x_stride = x_.stride(half.kernels.activation);
    args.y = y;
    args.y_stride = static_cast<size_t>(last - first);
    args.rows = last - first;
    args.columns = columns;
    args.k = half.weight.columns;
    half.kernels.linear(args);
    step.each_part(rows_, [&](const Step& part, int64_t row, int64_t count) {
      if (!step.kernels->floats.all_finite(y + row * args.rows, count * args.rows)) part.failure->report(Outcome::NonFinite, half.op);
    });
  }

  void slice(const Step& step, int64_t columns, int64_t first, int64_t last, int thread) const {
    const int64_t n = last - first;
    float *const gate = step.scratch(thread), *const up = gate + columns * n, *const y = step.activations[y_];
    multiply(step, gate_, columns, first, last, gate);
    multiply(step, up_, columns, first, last, up);
    for (int64_t t = 0; t < columns; t++) step.kernels->floats.silu_mul(gate + t * n, up + t * n, y + t * width_ + first, n);
    for (int64_t from = first; from < last;) {
      const int64_t piece = from / ActivationRows::kPieceColumns, column = piece * ActivationRows::kPieceColumns;
      const int64_t all = std::min(ActivationRows::kPieceColumns, width_ - column), until = std::min(last, column + all);
      if (pieces_.complete(piece, until - from, all))
        for (int64_t t = 0; t < columns; t++) result_.put(step, t, column, y + t * width_ + column, all);
      from = until;
    }
  }

  const ActivationRows &x_, &result_;
  const Half gate_, up_;
  const int y_;
  const RowCount rows_;
  const int64_t width_;
  const Pieces pieces_;
};

}  // namespace

void make_gated_linear(OpBuilder& b) {
  const ActivationRows& x = prepare_activation_rows(b, b.input_id(0));
  b.planned().main = std::make_unique<GatedLinear>(b, x, prepare_activation_rows(b, b.node.output));
}

}  // namespace fak
