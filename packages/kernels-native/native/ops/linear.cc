// linear: y = x W^T. The rows of x are first brought into the form that the weight's kernel wants, once for all linears that read the
// same x in the same form. A unit is a group of weight rows, for all rows of x.
#include <algorithm>

#include "ops/op.h"

namespace fak {

namespace {

/// Rows of the largest panel tile of any instruction set: a unit is a multiple of it.
constexpr int64_t kTileRows = 32;

/// With fewer columns the kernels read four rows far apart as four streams, which want to be long: 32 rows each at least, as long as every
/// thread gets its share of the units.
constexpr int64_t kManyColumns = 12, kStreamTiles = 4, kUnitsPerThread = 4;

/// Weight rows of one unit.
int64_t rows_per_unit(int64_t rows, int64_t columns, int threads) {
  if (columns >= kManyColumns) return kTileRows;
  const int64_t share = rows / (kTileRows * kUnitsPerThread * threads);
  return kTileRows * std::min(std::max<int64_t>(share, 1), kStreamTiles);
}

/// Rough speeds of one core, for slicing only: weight bytes and multiply-adds per nanosecond.
constexpr double kBytesPerNs = 12, kMacsPerNs = 60;

/// The rows of an activation in an ActivationFormat. A unit is a row.
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

  size_t stride() const { return stride_; }

 private:
  int x_, producer_;
  RowCount rows_;
  int64_t k_;
  size_t stride_;
  void (*quantize_)(const float* x, uint8_t* out, int64_t k);
};

class Linear final : public Task {
 public:
  Linear(const OpBuilder& b, const ActivationRows& x)
      : x_(x), weight_(b.input(1)), y_(b.node.output), op_(b.op), rows_(b.output().rows),
        kernel_(b.kernels.linear[static_cast<int>(weight_.dtype)].linear) {}

  Work work(const Step& step) const override {
    const int64_t columns = rows_.of(step.T, step.R);
    if (columns == 0) return {};
    const double bytes = static_cast<double>(row_bytes(weight_.dtype, weight_.columns));
    const double macs = static_cast<double>(columns * weight_.columns);
    const int64_t unit = rows_per_unit(weight_.weight_rows, columns, step.threads);
    return {(weight_.weight_rows + unit - 1) / unit,
            static_cast<double>(unit) * std::max(bytes / kBytesPerNs, macs / kMacsPerNs)};
  }

  void run(const Step& step, int64_t begin, int64_t end, int) const override {
    LinearArgs args;
    args.columns = rows_.of(step.T, step.R);
    const int64_t unit = rows_per_unit(weight_.weight_rows, args.columns, step.threads);
    const int64_t first = begin * unit, last = std::min(end * unit, weight_.weight_rows);
    args.weight_stride = row_bytes(weight_.dtype, weight_.columns);
    args.weight = weight_.weight + static_cast<size_t>(first) * args.weight_stride;
    args.x = step.shared + x_.shared_offset;
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
  const std::string key = "rows " + std::to_string(b.input_id(0)) + " " + std::to_string(static_cast<int>(format));
  const int rows = b.prepare(key, [&] { return std::make_unique<ActivationRows>(b, format); });
  b.planned().main = std::make_unique<Linear>(b, static_cast<const ActivationRows&>(b.preparation(rows)));
}

}  // namespace fak
