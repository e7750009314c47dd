// expertLinear: for each row the matrices of the experts that `routes` names. Attributes: topK, input (0 shared: all slots of a row read
// the same x; 1 perSlot). Rows are grouped by expert, so that a matrix is read once for all of its rows, by the kernels of `linear`. A unit
// is an equal share of the work, wherever in the sequence of (expert, weight row) that begins and ends: how many rows each expert
// has is known only when the step runs.
#include <algorithm>
#include <cstring>

#include "ops/activation_rows.h"
#include "ops/expert_groups.h"
#include "ops/linear_cost.h"

namespace fak {

namespace {

/// Units for each thread: as many as a stage has chunks, since few stages have another op of this size beside it.
constexpr int64_t kUnitsPerThread = 16;

/// Up to so many rows of a group are read and written where they lie: two of anything lie one stride apart.
constexpr int64_t kInPlaceColumns = 2;

/// Floats of scratch for the outputs of a kernel call before they go to their slots: a part of a second-level cache.
constexpr int64_t kScratchFloats = 16384;
constexpr int64_t kScratchColumns = kScratchFloats / kTileRows;

/// The input rows of all slots in the order of the groups, in an ActivationFormat.
class SortedRows : public Task {
 public:
  SortedRows(const ExpertGroups& groups, ActivationFormat format, int64_t k)
      : groups_(groups), k_(k), stride_(activation_row_bytes(format, k)) {
    shared_bytes = static_cast<size_t>(groups.most_slots()) * stride_;
  }

  /// First row of a group and the bytes from one to the next.
  struct Rows {
    const uint8_t* x;
    size_t stride;
  };
  virtual Rows rows(const Step& step, const ExpertGroup& group) const = 0;

 protected:
  uint8_t* row(const Step& step, int64_t i) const { return step.shared + shared_offset + static_cast<size_t>(i) * stride_; }

  const ExpertGroups& groups_;
  const int64_t k_;
  const size_t stride_;
};

/// Copies of rows that slots share. Copying costs little beside the products; a unit is a group.
class CopiedRows final : public SortedRows {
 public:
  CopiedRows(const ExpertGroups& groups, const ActivationRows& source, ActivationFormat format, int64_t k)
      : SortedRows(groups, format, k), source_(source), format_(format) {}

  Work work(const Step& step) const override {
    const int64_t slots = groups_.slot_count(step), most = groups_.most_groups(step);
    if (slots <= kInPlaceColumns) return {};
    // A group has a row once, unless the routes are odd: then a step of so few rows has nothing to copy.
    const bool little = slots <= kInPlaceColumns * groups_.top_k();
    const double ns = static_cast<double>(slots) * static_cast<double>(stride_) * (little ? 0.01 : 0.15);
    return {most, ns / static_cast<double>(most)};
  }

  void run(const Step& step, int64_t begin, int64_t end, int) const override {
    end = std::min(end, groups_.count(step));
    for (int64_t g = begin; g < end; g++) {
      const ExpertGroup& group = groups_.groups(step)[g];
      if (group.count <= kInPlaceColumns) continue;
      for (int32_t i = group.first; i < group.first + group.count; i++) std::memcpy(row(step, i), source_row(step, i), stride_);
    }
  }

  Rows rows(const Step& step, const ExpertGroup& group) const override {
    if (group.count > kInPlaceColumns) return {row(step, group.first), stride_};
    const uint8_t* const first = source_row(step, group.first);
    const uint8_t* const last = source_row(step, group.first + group.count - 1);
    return {first, static_cast<size_t>(last - first)};
  }

 private:
  const uint8_t* source_row(const Step& step, int64_t i) const {
    return source_.rows(step, format_) + static_cast<size_t>(groups_.slots(step)[i] / groups_.top_k()) * stride_;
  }
  const ActivationRows& source_;
  const ActivationFormat format_;
};

/// Each slot's own row, brought into its form where the sorted order wants it. A unit is a row.
class OwnRows final : public SortedRows {
 public:
  OwnRows(const OpBuilder& b, const ExpertGroups& groups, ActivationFormat format, int64_t k)
      : SortedRows(groups, format, k), x_(b.input_id(0)), producer_(b.producer(b.input_id(0))),
        quantize_(b.kernels.quantize_row[static_cast<int>(format)]) {}

  Work work(const Step& step) const override { return {groups_.slot_count(step), static_cast<double>(k_) * 0.5}; }

  void run(const Step& step, int64_t begin, int64_t end, int) const override {
    for (int64_t i = begin; i < end; i++) {
      const float* x = step.activations[x_] + groups_.slots(step)[i] * k_;
      step.check_finite(x, k_, producer_, groups_.rows(), groups_.slots(step)[i] / groups_.top_k());
      quantize_(x, row(step, i), k_);
    }
  }

  Rows rows(const Step& step, const ExpertGroup& group) const override { return {row(step, group.first), stride_}; }

 private:
  int x_, producer_;
  void (*quantize_)(const float* x, uint8_t* out, int64_t k);
};

class ExpertLinear final : public Task {
 public:
  ExpertLinear(const OpBuilder& b, const ExpertGroups& groups, const SortedRows& x)
      : groups_(groups), x_(x), weight_(b.input(2)), y_(b.node.output), op_(b.op), rows_(weight_.weight_rows),
        tiles_((rows_ + kTileRows - 1) / kTileRows), weight_stride_(row_bytes(weight_.dtype, weight_.columns)),
        read_ns_(row_read_ns(weight_.dtype, weight_.columns)), multiply_ns_(row_multiply_ns(weight_.columns)),
        kernel_(b.kernels.linear[static_cast<int>(weight_.dtype)].linear) {
    private_bytes = kScratchFloats * sizeof(float);
  }

  Work work(const Step& step) const override {
    const int64_t groups = groups_.most_groups(step);
    if (groups == 0) return {};
    const int64_t units = std::min(groups * tiles_, kUnitsPerThread * step.threads);
    const double row = static_cast<double>(groups) * read_ns_ + static_cast<double>(groups_.slot_count(step)) * multiply_ns_;
    return {units, static_cast<double>(rows_) * row / static_cast<double>(units)};
  }

  void run(const Step& step, int64_t begin, int64_t end, int thread) const override {
    const int64_t units = work(step).units, count = groups_.count(step);
    const ExpertGroup* const groups = groups_.groups(step);
    double total = 0;
    for (int64_t g = 0; g < count; g++) total += cost(groups[g]);
    // A tile belongs to the share in which it begins. Equal expressions give equal bounds to neighbours.
    const double low = total * static_cast<double>(begin) / static_cast<double>(units);
    const double high = total * static_cast<double>(end) / static_cast<double>(units);
    double at = 0;
    for (int64_t g = 0; g < count && at < high; at += cost(groups[g]), g++) {
      const double tile = cost(groups[g]) / static_cast<double>(tiles_);
      const int64_t first = tiles_before(low - at, tile), last = end == units ? tiles_ : tiles_before(high - at, tile);
      if (first < last) multiply(step, groups[g], first * kTileRows, std::min(last * kTileRows, rows_), thread);
    }
  }

 private:
  /// Of the whole group, in nanoseconds.
  double cost(const ExpertGroup& group) const {
    return static_cast<double>(rows_) * (read_ns_ + static_cast<double>(group.count) * multiply_ns_);
  }

  /// How many of the tiles begin before a point.
  int64_t tiles_before(double point, double tile) const {
    if (point <= 0) return 0;
    const double tiles = point / tile;
    if (tiles >= static_cast<double>(tiles_)) return tiles_;
    const int64_t whole = static_cast<int64_t>(tiles);
    return whole + (static_cast<double>(whole) < tiles);
  }

  /// Weight rows [first, last) of one expert times all rows of its group.
  void multiply(const Step& step, const ExpertGroup& group, int64_t first, int64_t last, int thread) const {
    const int32_t* const slots = groups_.slots(step) + group.first;
    const SortedRows::Rows x = x_.rows(step, group);
    const auto y = [&](int64_t m, int64_t row) { return step.activations[y_] + slots[m] * rows_ + row; };
    LinearArgs args;
    args.weight_stride = weight_stride_;
    args.x_stride = x.stride;
    args.k = weight_.columns;
    const auto weight_row = [&](int64_t row) {
      return weight_.experts[static_cast<size_t>(group.expert)] + static_cast<size_t>(row) * weight_stride_;
    };
    if (group.count <= kInPlaceColumns) {
      args.weight = weight_row(first);
      args.rows = last - first;
      args.x = x.x;
      args.columns = group.count;
      args.y = y(0, first);
      args.y_stride = static_cast<size_t>(y(group.count - 1, first) - args.y);
      kernel_(args);
      for (int64_t m = 0; m < group.count; m++) step.check_finite(y(m, first), args.rows, op_, groups_.rows(), slots[m] / groups_.top_k());
      return;
    }
    float* const scratch = step.scratch(thread);
    for (int64_t m = 0; m < group.count; m += kScratchColumns) {
      args.columns = std::min(group.count - m, kScratchColumns);
      args.x = x.x + static_cast<size_t>(m) * x.stride;
      const int64_t most = kScratchFloats / args.columns / kTileRows * kTileRows;
      for (int64_t row = first; row < last; row += most) {
        args.weight = weight_row(row);
        args.rows = std::min(last - row, most);
        args.y = scratch;
        args.y_stride = static_cast<size_t>(args.rows);
        kernel_(args);
        if (!step.kernels->floats.all_finite(scratch, args.columns * args.rows))
          for (int64_t c = 0; c < args.columns; c++)
            step.check_finite(scratch + c * args.rows, args.rows, op_, groups_.rows(), slots[m + c] / groups_.top_k());
        for (int64_t c = 0; c < args.columns; c++)
          std::memcpy(y(m + c, row), scratch + c * args.rows, static_cast<size_t>(args.rows) * sizeof(float));
      }
    }
  }

  const ExpertGroups& groups_;
  const SortedRows& x_;
  const Value& weight_;
  int y_, op_;
  int64_t rows_, tiles_;
  size_t weight_stride_;
  double read_ns_, multiply_ns_;
  void (*kernel_)(const LinearArgs& args);
};

}  // namespace

void make_expert_linear(OpBuilder& b) {
  const int64_t top_k = b.integer(0), k = b.input(2).columns, experts = static_cast<int64_t>(b.input(2).experts.size());
  const ActivationFormat format = b.kernels.linear[static_cast<int>(b.input(2).dtype)].activation;
  const std::string by = std::to_string(b.input_id(1)) + " " + std::to_string(top_k) + " " + std::to_string(experts);
  const int groups_index = b.prepare("groups " + by, [&] { return std::make_unique<ExpertGroups>(b, 1, experts, top_k); });
  const auto& groups = static_cast<const ExpertGroups&>(b.preparation(groups_index));

  const std::string key = "sorted " + std::to_string(b.input_id(0)) + " " + std::to_string(static_cast<int>(format)) + " by " + by;
  int rows_index;
  if (b.integer(1) == 0) {
    const ActivationRows& source = prepare_activation_rows(b, b.input_id(0));
    rows_index = b.prepare(key, [&] {
      return std::make_unique<CopiedRows>(groups, source, format, k);
    }, 1);
  } else {
    rows_index = b.prepare(key + " per slot", [&] { return std::make_unique<OwnRows>(b, groups, format, k); }, 1);
  }
  b.planned().main =
      std::make_unique<ExpertLinear>(b, groups, static_cast<const SortedRows&>(b.preparation(rows_index)));
}

}  // namespace fak
