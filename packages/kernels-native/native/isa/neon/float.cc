// The float kernels for neon: isa/float/ compiled with F32x16 of this folder.
#define FAK_VEC FAK_VEC_NEON
#include "isa/float/register.h"

namespace fak {

void register_float_neon(KernelTable& table) { neon::register_float(table.floats); }
void register_dequantized_neon(KernelTable& table) { neon::register_dequantized(table); }

}  // namespace fak
