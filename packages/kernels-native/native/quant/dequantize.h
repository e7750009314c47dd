// Stored elements as floats, for the embedding op and for tests.
#pragma once

#include <cstdint>

#include "../dtype.h"

namespace fak {

using DequantizeRow = void (*)(const uint8_t* row, float* out, int64_t k);

/// The dequantizer of a type. k is a multiple of the type's block length.
DequantizeRow dequantize_row(DType type);

}  // namespace fak
