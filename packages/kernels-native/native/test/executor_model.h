// A small model with every kind of op but those of mixtures of experts.
#pragma once

#include "executor_program.h"

namespace fak::test {

/// Embedding, a delta-net mixer, a gated attention mixer, a gated MLP and a head.
inline Recorder record_model() {
  Recorder r(1);
  const int64_t Hk = 2, Hv = 4, Dk = 12, Dv = 33, Hq = 4, C = 2 * Hk * Dk + Hv * Dv;
  const auto linear = [&](int x, int64_t from, int64_t to, int64_t rows = RowCount::kT) {
    return r.op("linear", {x, r.weight(to, from, -0.3f, 0.3f)}, to, {}, {}, rows);
  };
  int x = r.op("embedding", {r.tokens(), r.weight(kVocabulary, kHidden, -1, 1)}, kHidden);
  int n = r.op("rmsNorm", {x, r.weight(1, kHidden, 0.5f, 1.5f)}, kHidden, {1e-6});
  const int mixed = r.op("causalConv1d", {linear(n, kHidden, C), r.weight(C, 4, -0.6f, 0.6f)}, C, {0}, {r.state(false, 3 * C)});
  const int delta = r.op("gatedDelta",
                         {mixed, linear(n, kHidden, Hv), linear(n, kHidden, Hv), r.weight(1, Hv, -2, -0.01f),
                          r.weight(1, Hv, -1, 1)},
                         Hv * Dv, {2, 4, 12, 33, 1, 1e-6}, {r.state(false, Hv * Dv * Dk)});
  const int gated = r.op("gatedRmsNorm", {delta, linear(n, kHidden, Hv * Dv), r.weight(1, Dv, 0.5f, 1.5f)}, Hv * Dv, {1e-6});
  x = r.op("add", {x, linear(gated, Hv * Dv, kHidden)}, kHidden);

  n = r.op("rmsNorm", {x, r.weight(1, kHidden, 0.5f, 1.5f)}, kHidden, {1e-6});
  const int both = linear(n, kHidden, Hq * 2 * 20);
  const int q = r.op("rope", {r.op("sliceHeads", {both}, Hq * 20, {4, 40, 0, 20})}, Hq * 20, {4, 20, 6, 1e4});
  const int gate = r.op("sliceHeads", {both}, Hq * 20, {4, 40, 20, 20});
  const int k = r.op("rope", {linear(n, kHidden, 40)}, 40, {2, 20, 6, 1e4});
  const int attended = r.op("attention", {q, k, linear(n, kHidden, 40)}, Hq * 20, {4, 2, 20, 20, 0.22},
                            {r.state(true, 40, 2), r.state(true, 40, 2)});
  x = r.op("add", {x, linear(r.op("sigmoidMul", {attended, gate}, Hq * 20), Hq * 20, kHidden)}, kHidden);

  const int act = r.op("siluMul", {linear(x, kHidden, 56), linear(x, kHidden, 56)}, 56);
  x = r.op("add", {x, linear(act, 56, kHidden)}, kHidden);
  const int last = r.op("lastRows", {x}, kHidden, {}, {}, RowCount::kR);
  r.program.pinned = {linear(last, kHidden, kVocabulary, RowCount::kR)};
  return r;
}

}  // namespace fak::test
