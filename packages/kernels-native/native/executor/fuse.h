// Fusing: chains of ops of a Program become one op, or a part of the op that reads them. The results are the same bits; what falls away is
// passing values through memory and waiting between ops. A value that is pinned, or that somebody else reads, stays as it is.
#pragma once

#include "executor/program.h"

namespace fak {

/// The Program with its chains joined, and phases and places to match:
/// - causalConv1d, gatedDelta and gatedRmsNorm become `deltaNet`; two linears of one x and the siluMul behind them become `gatedLinear`. Both
///   need linears behind them that take their result as prepared rows, because that is the only form in which they give it;
/// - `linear` and the `add` that alone reads it become `linearAdd`;
/// - an op that works row by row (norms, siluMul, sigmoidMul, sliceHeads, lastRows) becomes part of preparing the rows of the linears
///   that read it, or of the rope that does: it stays in the list of ops, `inlined`, and is in no phase.
Program fuse(Program program);

}  // namespace fak
