// sliceHeads: some columns of each head. Attributes: heads, stride, offset, size. A unit is a row.
#include <cstring>

#include "ops/op.h"

namespace fak {

namespace {

class SliceHeads final : public Task {
 public:
  explicit SliceHeads(const OpBuilder& b)
      : x_(b.input_id(0)), y_(b.node.output), rows_(b.output().rows), heads_(b.integer(0)), stride_(b.integer(1)),
        offset_(b.integer(2)), size_(b.integer(3)) {}

  Work work(const Step& step) const override {
    return {rows_.of(step.T, step.R), static_cast<double>(heads_ * size_) * 0.1};
  }

  void run(const Step& step, int64_t begin, int64_t end, int) const override {
    const float* x = step.activations[x_] + begin * heads_ * stride_ + offset_;
    float* y = step.activations[y_] + begin * heads_ * size_;
    for (int64_t head = begin * heads_; head < end * heads_; head++, x += stride_, y += size_)
      std::memcpy(y, x, static_cast<size_t>(size_) * sizeof(float));
  }

 private:
  int x_, y_;
  RowCount rows_;
  int64_t heads_, stride_, offset_, size_;
};

}  // namespace

void make_slice_heads(OpBuilder& b) { b.planned().main = std::make_unique<SliceHeads>(b); }

}  // namespace fak
