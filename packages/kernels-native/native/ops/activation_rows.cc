#include "ops/activation_rows.h"

#include <cstring>

#include "executor/memory.h"
#include "quant/activation.h"

namespace fak {

namespace {

/// Copies a part of a row behind what comes before it, and fills what pads the row when it is the last.
template <class T>
void place(const T* piece, const T* row, int64_t at, int64_t n, int64_t used, int64_t padded) {
  T* const to = const_cast<T*>(row);
  std::memcpy(to + at, piece, static_cast<size_t>(n) * sizeof(T));
  if (at + n == used) std::memset(to + used, 0, static_cast<size_t>(padded - used) * sizeof(T));
}

/// Scales, and sums of blocks of 32, take whole cache lines.
int64_t padded_line(int64_t blocks) { return (padded_blocks(blocks) + 15) / 16 * 16; }

/// The blocks of a short row of n elements into a row of k, from an element on.
void place_blocks(ActivationFormat format, const uint8_t* piece, int64_t n, uint8_t* row, int64_t k, int64_t column) {
  if (format == ActivationFormat::Q8x32) {
    const RowQ8x32 from = row_q8x32(piece, n), to = row_q8x32(row, k);
    const int64_t all = k / 32;
    place(from.quants, to.quants, column, n, k, padded_blocks(all) * 32);
    place(from.sums, to.sums, column / 32, n / 32, all, padded_line(all));
    place(from.scales, to.scales, column / 32, n / 32, all, padded_line(all));
  } else if (format == ActivationFormat::Q8x256) {
    const RowQ8x256 from = row_q8x256(piece, n), to = row_q8x256(row, k);
    const int64_t all = k / 256;
    place(from.quants, to.quants, column, n, k, padded_blocks(all) * 256);
    place(from.sums, to.sums, column / 16, n / 16, all * 16, padded_blocks(all) * 16);
    place(from.scales, to.scales, column / 256, n / 256, all, padded_line(all));
  } else {
    place(reinterpret_cast<const float*>(piece), reinterpret_cast<const float*>(row), column, n, k, (k + 15) / 16 * 16);
  }
}

/// Bytes of the longest piece in any format: a block of 256 is padded to four.
constexpr size_t kPieceBytes = 4 * (256 + 32) + 64;

}  // namespace

ActivationRows::ActivationRows(const OpBuilder& b, int value)
    : producer_(b.producer(value)), rows_(b.program.values[static_cast<size_t>(value)].rows),
      k_(b.program.values[static_cast<size_t>(value)].columns) {
  if (!gives_prepared_rows(b.program.ops[static_cast<size_t>(b.writer(value))])) {
    source_ = make_row_source(b, value);
    private_bytes = static_cast<size_t>(source_->scratch_floats) * sizeof(float);
    ops = source_->ops;
  }
  for (const OpNode& node : b.program.ops) {
    if (!takes_prepared_rows(node) || node.inputs[0] != value) continue;
    for (const int id : multiplied_with(node)) {
      const DType type = b.program.values[static_cast<size_t>(id)].dtype;
      forms_[static_cast<int>(b.kernels.linear[static_cast<int>(type)].activation)].wanted = true;
    }
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

Work ActivationRows::work(const Step& step) const {
  if (!source_) return {};
  return {rows_.of(step.T, step.R), source_->cost + cost_};
}

void ActivationRows::run(const Step& step, int64_t begin, int64_t end, int thread) const {
  for (int64_t t = begin; t < end; t++) put(step, t, 0, source_->row(step, t, step.scratch(thread)), k_);
}

void ActivationRows::put(const Step& step, int64_t t, int64_t column, const float* x, int64_t n) const {
  // Quantizing would turn NaN into an ordinary number, so this is where it must be seen.
  step.check_finite(x, n, producer_, rows_, t);
  alignas(kAlignment) uint8_t piece[kPieceBytes];
  for (int format = 0; format < kActivationFormatCount; format++) {
    const Form& form = forms_[format];
    if (!form.wanted) continue;
    uint8_t* const row = step.shared + shared_offset + form.offset + static_cast<size_t>(t) * form.stride;
    if (n == k_) {
      form.quantize(x, row, k_);
    } else if (format == static_cast<int>(ActivationFormat::F32)) {
      place_blocks(ActivationFormat::F32, reinterpret_cast<const uint8_t*>(x), n, row, k_, column);
    } else {
      form.quantize(x, piece, n);
      place_blocks(static_cast<ActivationFormat>(format), piece, n, row, k_, column);
    }
  }
}

const ActivationRows& prepare_activation_rows(OpBuilder& b, int value) {
  const int index = b.prepare("rows " + std::to_string(value), [&] { return std::make_unique<ActivationRows>(b, value); });
  return static_cast<const ActivationRows&>(b.preparation(index));
}

}  // namespace fak
