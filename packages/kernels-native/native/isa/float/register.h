// All float leaves of one instruction set, and their entry in the kernel table. A unit isa/<name>/float.cc defines FAK_VEC and
// includes this file; the definitions land in fak::<name>.
#pragma once

#include "kernels.h"

#include "isa/vec.h"

#include "math/elementary.h"

#include "isa/float/dot.h"

#include "isa/float/attention.h"
#include "isa/float/causal_conv1d.h"
#include "isa/float/elementwise.h"
#include "isa/float/experts.h"
#include "isa/float/gated_delta.h"
#include "isa/float/linear_dequantized.h"
#include "isa/float/norm.h"
#include "isa/float/rope.h"

namespace fak {
namespace FAK_ISA {

static void register_float(FloatKernels& table) {
  table.rms_norm = rms_norm_f32;
  table.gated_rms_norm = gated_rms_norm_f32;
  table.add = add_f32;
  table.scale = scale_f32;
  table.silu_mul = silu_mul_f32;
  table.sigmoid_mul = sigmoid_mul_f32;
  table.rope = rope_f32;
  table.attention_block = attention_block;
  table.attention_merge = attention_merge;
  table.attention_output = attention_output;
  table.causal_conv1d = causal_conv1d_f32;
  table.l2_normalize = l2_normalize_f32;
  table.delta_gates = delta_gates_f32;
  table.gated_delta = gated_delta_f32;
  table.route = route_f32;
  table.combine_experts = combine_experts_f32;
  table.gated_add = gated_add_f32;
  table.all_finite = all_finite_f32;
  table.finish = finish_f32;
}

}  // namespace FAK_ISA
}  // namespace fak
