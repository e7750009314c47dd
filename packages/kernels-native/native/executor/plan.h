// The plan of a Program: which ops may run side by side, and where in one arena each activation lies.
#pragma once

#include "executor/program.h"

namespace fak {

/// Fills in phases, offsets and arena_bytes. Every op that is not inlined goes into the earliest phase in which its inputs, and the ops
/// before it on the same states, are done. Two values whose lives share a phase never overlap; pinned values lie with the caller.
void plan(Program& program);

}  // namespace fak
