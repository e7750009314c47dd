#include "ops/row_source.h"

#include <cstring>
#include <string_view>

namespace fak {

namespace {

class StoredRows final : public RowSource {
 public:
  StoredRows(int value, int64_t columns) : value_(value), columns_(columns) {}
  const float* row(const Step& step, int64_t t, float*) const override { return step.activations[value_] + t * columns_; }

 private:
  int value_;
  int64_t columns_;
};

/// What the rows of an inlined op have in common: where its operands' rows come from, each with scratch of its own behind the result.
class InlinedRows : public RowSource {
 public:
  /// `operands`: how many of the op's inputs are activations; `ns`: for one float of the result.
  InlinedRows(const OpBuilder& b, const OpNode& node, size_t operands, double ns)
      : columns_(b.program.values[static_cast<size_t>(node.output)].columns) {
    scratch_floats = round_up(columns_);
    cost = static_cast<double>(columns_) * ns;
    for (size_t i = 0; i < operands; i++) {
      operands_.push_back({make_row_source(b, node.inputs[i]), scratch_floats});
      scratch_floats += operands_[i].source->scratch_floats;
      cost += operands_[i].source->cost;
      ops.insert(ops.end(), operands_[i].source->ops.begin(), operands_[i].source->ops.end());
    }
    ops.insert(ops.end(), node.parts.begin(), node.parts.end());
  }

 protected:
  const float* operand(size_t i, const Step& step, int64_t t, float* scratch) const {
    return operands_[i].source->row(step, t, scratch + operands_[i].scratch);
  }
  const int64_t columns_;

 private:
  static int64_t round_up(int64_t floats) { return (floats + 15) / 16 * 16; }
  struct Operand {
    std::unique_ptr<RowSource> source;
    int64_t scratch;
  };
  std::vector<Operand> operands_;
};

const float* weight(const OpBuilder& b, const OpNode& node, size_t input) {
  return reinterpret_cast<const float*>(b.program.values[static_cast<size_t>(node.inputs[input])].weight);
}

int64_t weight_columns(const OpBuilder& b, const OpNode& node, size_t input) {
  return b.program.values[static_cast<size_t>(node.inputs[input])].columns;
}

class NormedRows final : public InlinedRows {
 public:
  NormedRows(const OpBuilder& b, const OpNode& node)
      : InlinedRows(b, node, 1, 0.15), weight_(weight(b, node, 1)), d_(weight_columns(b, node, 1)),
        eps_(static_cast<float>(node.attrs[0])) {}
  const float* row(const Step& step, int64_t t, float* y) const override {
    step.kernels->floats.rms_norm(operand(0, step, t, y), weight_, y, columns_ / d_, d_, eps_);
    return y;
  }

 private:
  const float* weight_;
  int64_t d_;
  float eps_;
};

class GatedNormedRows final : public InlinedRows {
 public:
  GatedNormedRows(const OpBuilder& b, const OpNode& node)
      : InlinedRows(b, node, 2, 0.6), weight_(weight(b, node, 2)), d_(weight_columns(b, node, 2)),
        eps_(static_cast<float>(node.attrs[0])) {}
  const float* row(const Step& step, int64_t t, float* y) const override {
    step.kernels->floats.gated_rms_norm(operand(0, step, t, y), operand(1, step, t, y), weight_, y, columns_ / d_, d_, eps_);
    return y;
  }

 private:
  const float* weight_;
  int64_t d_;
  float eps_;
};

class ElementwiseRows final : public InlinedRows {
 public:
  using Kernel = void (*)(const float* a, const float* b, float* y, int64_t n);
  ElementwiseRows(const OpBuilder& b, const OpNode& node, Kernel kernel) : InlinedRows(b, node, 2, 0.5), kernel_(kernel) {}
  const float* row(const Step& step, int64_t t, float* y) const override {
    kernel_(operand(0, step, t, y), operand(1, step, t, y), y, columns_);
    return y;
  }

 private:
  Kernel kernel_;
};

class SlicedRows final : public InlinedRows {
 public:
  SlicedRows(const OpBuilder& b, const OpNode& node)
      : InlinedRows(b, node, 1, 0.1), stride_(static_cast<int64_t>(node.attrs[1])), offset_(static_cast<int64_t>(node.attrs[2])),
        size_(static_cast<int64_t>(node.attrs[3])) {}
  const float* row(const Step& step, int64_t t, float* y) const override {
    const float* x = operand(0, step, t, y) + offset_;
    for (int64_t i = 0; i < columns_; i += size_, x += stride_) std::memcpy(y + i, x, static_cast<size_t>(size_) * sizeof(float));
    return y;
  }

 private:
  int64_t stride_, offset_, size_;
};

class LastRowsOnly final : public InlinedRows {
 public:
  LastRowsOnly(const OpBuilder& b, const OpNode& node) : InlinedRows(b, node, 1, 0) {}
  const float* row(const Step& step, int64_t t, float* y) const override { return operand(0, step, step.last_rows[t], y); }
};

using Make = std::unique_ptr<RowSource> (*)(const OpBuilder& b, const OpNode& node);

/// The ops that work row by row.
Make source_of(const OpNode& node) {
  const std::string_view kind = kind_of(node).name;
  using Source = std::unique_ptr<RowSource>;
  if (kind == "rmsNorm") return [](const OpBuilder& b, const OpNode& n) -> Source { return std::make_unique<NormedRows>(b, n); };
  if (kind == "gatedRmsNorm")
    return [](const OpBuilder& b, const OpNode& n) -> Source { return std::make_unique<GatedNormedRows>(b, n); };
  if (kind == "siluMul")
    return [](const OpBuilder& b, const OpNode& n) -> Source { return std::make_unique<ElementwiseRows>(b, n, b.kernels.floats.silu_mul); };
  if (kind == "sigmoidMul")
    return [](const OpBuilder& b, const OpNode& n) -> Source { return std::make_unique<ElementwiseRows>(b, n, b.kernels.floats.sigmoid_mul); };
  if (kind == "sliceHeads") return [](const OpBuilder& b, const OpNode& n) -> Source { return std::make_unique<SlicedRows>(b, n); };
  if (kind == "lastRows") return [](const OpBuilder& b, const OpNode& n) -> Source { return std::make_unique<LastRowsOnly>(b, n); };
  return nullptr;
}

}  // namespace

std::unique_ptr<RowSource> make_row_source(const OpBuilder& b, int value) {
  const int writer = b.writer(value);
  if (writer >= 0 && b.program.ops[static_cast<size_t>(writer)].inlined) {
    const OpNode& node = b.program.ops[static_cast<size_t>(writer)];
    return source_of(node)(b, node);
  }
  return std::make_unique<StoredRows>(value, b.program.values[static_cast<size_t>(value)].columns);
}

bool is_row_op(const OpNode& node) { return source_of(node) != nullptr; }

bool takes_row_source(const OpNode& node) { return std::string_view(kind_of(node).name) == "rope"; }

bool takes_prepared_rows(const OpNode& node) {
  const std::string_view kind = kind_of(node).name;
  return kind == "linear" || kind == "linearAdd" || kind == "gatedLinear" || (kind == "expertLinear" && node.attrs[1] == 0);
}

std::vector<int> multiplied_with(const OpNode& node) {
  const std::string_view kind = kind_of(node).name;
  if (kind == "gatedLinear") return {node.inputs[1], node.inputs[2]};
  return {node.inputs[kind == "expertLinear" ? 2 : 1]};
}

bool gives_prepared_rows(const OpNode& node) {
  const std::string_view kind = kind_of(node).name;
  return kind == "gatedLinear" || kind == "deltaNet";
}

}  // namespace fak
