# Cross-compiles the C++ tests for aarch64 Linux and runs them under qemu-user (Debian: g++-aarch64-linux-gnu, qemu-user):
#   cmake -S packages/kernels-native -B /tmp/fak-aarch64 -G Ninja \
#     -DCMAKE_TOOLCHAIN_FILE=packages/kernels-native/cmake/aarch64-linux-gnu.cmake
# QEMU_CPU=neoverse-n1 in the environment runs them on a processor with dot products and without i8mm, cortex-a72 on one with neither.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64 -L /usr/aarch64-linux-gnu)
