// The inner step of panels for SDOT.
#pragma once

#include "linear_panel.h"

namespace fak {
namespace FAK_ISA {

  /// Adds 16 elements of eight rows times C columns to dot.
  template <int C>
  FAK_INLINE void add_sixteen(const int8_t (*low)[16], const int8_t (*high)[16], const int8_t* const x[C], int32x4_t dot[C][2]) {
    int8x16_t v[C];
    for (int c = 0; c < C; c++) v[c] = vld1q_s8(x[c]);
#define FAK_STEP(lane)                                                       \
  {                                                                          \
    const int8x16_t a = vld1q_s8(low[lane]), b = vld1q_s8(high[lane]);       \
    for (int c = 0; c < C; c++) {                                            \
      dot[c][0] = vdotq_laneq_s32(dot[c][0], a, v[c], lane);                 \
      dot[c][1] = vdotq_laneq_s32(dot[c][1], b, v[c], lane);                 \
    }                                                                        \
  }
    FAK_STEP(0)
    FAK_STEP(1)
    FAK_STEP(2)
    FAK_STEP(3)
#undef FAK_STEP
  }

}  // namespace FAK_ISA
}  // namespace fak
