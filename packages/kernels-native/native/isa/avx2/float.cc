// The float kernels for avx2: isa/float/ compiled with F32x16 of this folder.
#define FAK_VEC FAK_VEC_AVX2
#include "isa/float/register.h"

namespace fak {

void register_float_avx2(KernelTable& table) { avx2::register_float(table.floats); }
void register_dequantized_avx2(KernelTable& table) { avx2::register_dequantized(table); }

}  // namespace fak
