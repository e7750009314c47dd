// The float kernels for avx512: isa/float/ compiled with F32x16 of this folder.
#define FAK_VEC FAK_VEC_AVX512
#include "isa/float/register.h"

namespace fak {

void register_float_avx512(KernelTable& table) { avx512::register_float(table.floats); }
void register_dequantized_avx512(KernelTable& table) { avx512::register_dequantized(table); }

}  // namespace fak
