// Size of activation rows. The kernels that fill them are in isa/.
#include "activation.h"

namespace fak {

size_t activation_row_bytes(ActivationFormat format, int64_t k) {
  switch (format) {
    case ActivationFormat::Q8x32: {
      const size_t blocks = static_cast<size_t>(padded_blocks(k / 32));
      return blocks * 32 + round_up_64(blocks * 4) + round_up_64(blocks * 4);
    }
    case ActivationFormat::Q8x256: {
      const size_t blocks = static_cast<size_t>(padded_blocks(k / 256));
      return blocks * 256 + blocks * 32 + round_up_64(blocks * 4);
    }
    default:
      return round_up_64(static_cast<size_t>(k) * sizeof(float));
  }
}

}  // namespace fak
