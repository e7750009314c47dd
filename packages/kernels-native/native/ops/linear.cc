// linear: y = x W^T. The rows of x are first brought into the form that the weight's kernel wants, once for all linears that read the
// same x in the same form. A unit is a group of weight rows, for all rows of x.
#include <algorithm>

#include "ops/activation_rows.h"
#include "ops/linear_cost.h"

namespace fak {

namespace {

/// With fewer columns the kernels read four rows far apart as four streams, which want to be long: 32 rows each at least, as long as every
/// thread gets its share of the units.
constexpr int64_t kManyColumns = 12, kStreamTiles = 4, kUnitsPerThread = 4;

/// Weight rows of one unit.
int64_t rows_per_unit(int64_t rows, int64_t columns, int threads) {
  if (columns >= kManyColumns) return kTileRows;
  const int64_t share = rows / (kTileRows * kUnitsPerThread * threads);
  return kTileRows * std::min(std::max<int64_t>(share, 1), kStreamTiles);
}

class Linear final : public Task {
 public:
  Linear(const OpBuilder& b, const ActivationRows& x)
      : x_(x), weight_(b.input(1)), y_(b.node.output), op_(b.op), rows_(b.output().rows),
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
    args.x = x_.rows(step);
    args.x_stride = x_.stride();
    args.y = step.activations[y_] + first;
    args.y_stride = static_cast<size_t>(weight_.weight_rows);
    args.rows = last - first;
    args.k = weight_.columns;
    kernel_(args);
    for (int64_t m = 0; m < args.columns; m++)
      step.check_finite(args.y + static_cast<size_t>(m) * args.y_stride, args.rows, op_);
  }

 private:
  const ActivationRows& x_;
  const Value weight_;
  int y_, op_;
  RowCount rows_;
  void (*kernel_)(const LinearArgs& args);
};

}  // namespace

void make_linear(OpBuilder& b) {
  const ActivationFormat format = b.kernels.linear[static_cast<int>(b.input(1).dtype)].activation;
  const int rows = prepare_activation_rows(b, format);
  b.planned().main = std::make_unique<Linear>(b, static_cast<const ActivationRows&>(b.preparation(rows)));
}

}  // namespace fak
