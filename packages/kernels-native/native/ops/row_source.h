// RowSource: the rows of an activation, one at a time. They lie in memory, or, where the op that writes them is inlined, are computed when
// they are asked for.
#pragma once

#include "ops/op.h"

namespace fak {

class RowSource {
 public:
  virtual ~RowSource() = default;
  /// Row t: its address, or `scratch` with the row in it.
  virtual const float* row(const Step& step, int64_t t, float* scratch) const = 0;

  int64_t scratch_floats = 0;  ///< what row() may write to
  double cost = 0;             ///< nanoseconds of a row
  std::vector<int> ops;        ///< of the caller's Program, those that are done on the way
};

/// The rows of a value.
std::unique_ptr<RowSource> make_row_source(const OpBuilder& b, int value);

/// Whether there is a source for what the op computes.
bool is_row_op(const OpNode& node);

/// Whether the op takes its first operand from a RowSource.
bool takes_row_source(const OpNode& node);

/// Whether the op's first operand is taken as rows that are prepared once for all who read them (ops/activation_rows.h), and the
/// matrices that these are multiplied with.
bool takes_prepared_rows(const OpNode& node);
std::vector<int> multiplied_with(const OpNode& node);

/// Whether the op's result exists only as prepared rows, which it writes itself.
bool gives_prepared_rows(const OpNode& node);

}  // namespace fak
