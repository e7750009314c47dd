// One call of one linear kernel on zeros, for counting its instructions under an emulator (bench/neon/count.mjs).
//   linear_count ISA TYPE ROWS K COLUMNS
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "isa/cpu.h"

using namespace fak;

int main(int argc, char** argv) {
  if (argc != 6) return 2;
  const std::string isa_name = argv[1], type_name = argv[2];
  int isa = -1, type = -1;
  for (int i = 0; i < kIsaCount; i++)
    if (isa_name == kIsaNames[i] && isa_present(i)) isa = i;
  for (int t = 0; t < kDTypeCount; t++)
    if (type_name == kDTypes[t].name) type = t;
  if (isa < 0 || type < 0) return std::fprintf(stderr, "no such instruction set or type here\n"), 2;
  const LinearKernels& kernels = kernel_table(isa).linear[type];
  LinearArgs args{};
  args.rows = std::atoll(argv[3]), args.k = std::atoll(argv[4]), args.columns = std::atoll(argv[5]);
  args.weight_stride = row_bytes(static_cast<DType>(type), args.k);
  args.x_stride = activation_row_bytes(kernels.activation, args.k);
  const std::vector<uint8_t> weight(args.weight_stride * static_cast<size_t>(args.rows));
  std::vector<uint8_t> x(args.x_stride * static_cast<size_t>(args.columns) + 64);
  std::vector<float> y(static_cast<size_t>(args.rows * args.columns));
  args.weight = weight.data();
  args.x = x.data() + (64 - reinterpret_cast<uintptr_t>(x.data()) % 64) % 64;
  args.y = y.data();
  args.y_stride = static_cast<size_t>(args.rows);
  kernels.linear(args);
  std::printf("%s\n", kernels.name);
}
