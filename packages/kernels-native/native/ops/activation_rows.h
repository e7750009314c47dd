// ActivationRows: the rows of an activation in the forms that the kernels of stored types want, made once for all ops that read them.
#pragma once

#include "ops/row_source.h"

namespace fak {

/// A unit is a row. Where the op that writes the activation is inlined, its rows exist in these forms alone. Where it gives its rows in
/// pieces (see gives_prepared_rows), there is nothing left to do.
class ActivationRows final : public Task {
 public:
  /// Columns of a piece: a whole number of blocks of every form.
  static constexpr int64_t kPieceColumns = 256;

  ActivationRows(const OpBuilder& b, int value);
  Work work(const Step& step) const override;
  void run(const Step& step, int64_t begin, int64_t end, int thread) const override;

  /// Writes the columns [column, column + n) of row t, counted among those of all sequences: a piece, the last columns of a row, or a whole row. `column` is a multiple of
  /// kPieceColumns.
  void put(const Step& step, int64_t t, int64_t column, const float* x, int64_t n) const;

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
  std::unique_ptr<RowSource> source_;  ///< null if the rows are given
  int producer_;
  RowCount rows_;
  int64_t k_;
  double cost_ = 0;
  Form forms_[kActivationFormatCount];
};

/// The preparation of a value's rows, for an op that reads them or gives them.
const ActivationRows& prepare_activation_rows(OpBuilder& b, int value);

}  // namespace fak
