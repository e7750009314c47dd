// What a causal convolution keeps between steps: its last taps - 1 input rows, oldest first, in a recurrent array.
#pragma once

#include <cstring>

#include "ops/op.h"

namespace fak {

struct ConvHistory {
  int x, state;  ///< the input, and where the rows are kept
  int64_t channels, kept;

  const float* rows(const Step& step) const { return step.states[state]; }

  /// The step's last inputs become the history, for the channels [begin, end). Nobody may still need the old one.
  void advance(const Step& step, int64_t begin, int64_t end) const {
    float* const history = step.states[state];
    // Ascending order never reads a row already rewritten.
    for (int64_t i = 0; i < kept; i++) {
      const int64_t from = step.T + i;
      const float* row = from < kept ? history + from * channels : step.activations[x] + (from - kept) * channels;
      std::memcpy(history + i * channels + begin, row + begin, static_cast<size_t>(end - begin) * sizeof(float));
    }
  }
};

}  // namespace fak
