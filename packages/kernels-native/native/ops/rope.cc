// rope: rotates pairs inside each head. Attributes: heads, headDim, dims, theta. The cosines and sines of a step's positions are
// computed once for all rope ops with the same dims and theta. A unit is a row; a norm or a slice of heads before it is computed on the way.
#include "math/trigonometry.h"
#include "ops/row_source.h"

namespace fak {

namespace {

/// Cosines and sines of every (row, m): [T, 2, dims/2]. angle = f32(f32(position) * f32(theta^(-2m/dims))).
class RopeAngles final : public Task {
 public:
  RopeAngles(int64_t dims, double theta, int64_t max_tokens) : half_(dims / 2) {
    for (int64_t m = 0; m < half_; m++)
      frequency_.push_back(static_cast<float>(power(theta, -2.0 * static_cast<double>(m) / static_cast<double>(dims))));
    shared_bytes = static_cast<size_t>(max_tokens * dims) * sizeof(float);
  }

  bool by_sequence() const override { return true; }
  Work work(const Step& step) const override { return {step.T, static_cast<double>(half_) * 30}; }

  void run(const Step& step, int64_t begin, int64_t end, int) const override {
    for (int64_t t = begin; t < end; t++) {
      const float position = static_cast<float>(step.P + t);
      float* c = cosines(step, step.row + t);
      for (int64_t m = 0; m < half_; m++) {
        const float angle = position * frequency_[static_cast<size_t>(m)];
        const SineCosine both = sine_cosine(static_cast<double>(angle));
        c[m] = static_cast<float>(both.cosine);
        c[half_ + m] = static_cast<float>(both.sine);
      }
    }
  }

  /// The cosines of row t, counted among those of all sequences; the sines follow.
  float* cosines(const Step& step, int64_t t) const {
    return reinterpret_cast<float*>(step.shared + shared_offset) + t * 2 * half_;
  }

 private:
  int64_t half_;
  std::vector<float> frequency_;
};

class Rope final : public Task {
 public:
  Rope(const OpBuilder& b, const RopeAngles& angles)
      : angles_(angles), x_(make_row_source(b, b.input_id(0))), y_(b.node.output), heads_(b.integer(0)), head_dim_(b.integer(1)),
        dims_(b.integer(2)) {
    private_bytes = static_cast<size_t>(x_->scratch_floats) * sizeof(float);
    ops = x_->ops;
  }

  Work work(const Step& step) const override {
    return {step.T, static_cast<double>(heads_ * head_dim_) * 0.15 + x_->cost};
  }

  void run(const Step& step, int64_t begin, int64_t end, int thread) const override {
    for (int64_t t = begin; t < end; t++) {
      const float* c = angles_.cosines(step, t);
      step.kernels->floats.rope(x_->row(step, t, step.scratch(thread)), c, c + dims_ / 2,
                                step.activations[y_] + t * heads_ * head_dim_, heads_, head_dim_, dims_);
    }
  }

 private:
  const RopeAngles& angles_;
  const std::unique_ptr<RowSource> x_;
  int y_;
  int64_t heads_, head_dim_, dims_;
};

}  // namespace

void make_rope(OpBuilder& b) {
  const int64_t dims = b.integer(2);
  const double theta = b.number(3);
  const std::string key = "angles " + std::to_string(dims) + " " + std::to_string(theta);
  const int angles = b.prepare(key, [&] { return std::make_unique<RopeAngles>(dims, theta, b.program.max_tokens); });
  b.planned().main = std::make_unique<Rope>(b, static_cast<const RopeAngles&>(b.preparation(angles)));
}

}  // namespace fak
