// The float kernels for scalar: isa/float/ compiled with F32x16 of this folder.
#define FAK_VEC FAK_VEC_SCALAR
#include "isa/float/register.h"

namespace fak {

void register_float_scalar(KernelTable& table) { scalar::register_float(table.floats); }
void register_dequantized_scalar(KernelTable& table) { scalar::register_dequantized(table); }

}  // namespace fak
