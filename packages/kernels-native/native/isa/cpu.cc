// CPUID, and the kernel tables.
#include "isa/cpu.h"

#include <array>

#ifdef FAK_X86
#include <cpuid.h>
#endif

namespace fak {

namespace {

struct Features {
  bool avx2 = false;
  bool avx512 = false;
};

#ifdef FAK_X86
Features detect() {
  Features found;
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (!__get_cpuid(1, &a, &b, &c, &d)) return found;
  const bool osxsave = c & (1u << 27), avx = c & (1u << 28), fma = c & (1u << 12), f16c = c & (1u << 29);
  if (!osxsave || !avx || !fma || !f16c || !__get_cpuid_count(7, 0, &a, &b, &c, &d)) return found;
  // The CPU having the registers is not enough: the operating system must save them (XCR0).
  unsigned xcr0 = 0, xcr0_high = 0;
  __asm__ volatile("xgetbv" : "=a"(xcr0), "=d"(xcr0_high) : "c"(0));
  const bool ymm = (xcr0 & 0x06) == 0x06, zmm = (xcr0 & 0xe6) == 0xe6;
  found.avx2 = ymm && (b & (1u << 5));
  const bool f = b & (1u << 16), dq = b & (1u << 17), bw = b & (1u << 30), vl = b & (1u << 31), vnni = c & (1u << 11);
  found.avx512 = found.avx2 && zmm && f && dq && bw && vl && vnni;
  return found;
}
#else
Features detect() { return {}; }
#endif

const Features& features() {
  static const Features found = detect();
  return found;
}

std::array<KernelTable, kIsaCount> make_tables() {
  std::array<KernelTable, kIsaCount> tables{};
  for (int isa = 0; isa < kIsaCount; isa++) {
    KernelTable& table = tables[static_cast<size_t>(isa)];
    table.isa = kIsaNames[isa];
    register_linear_scalar(table);
    register_float_scalar(table);
    register_dequantized_scalar(table);
    register_probe_scalar(table);
#ifdef FAK_X86
    if (isa >= 1 && isa_present(isa)) {
      register_linear_avx2(table);
      register_float_avx2(table);
      register_dequantized_avx2(table);
      register_probe_avx2(table);
    }
    if (isa >= 2 && isa_present(isa)) {
      register_linear_avx512(table);
      register_float_avx512(table);
      register_dequantized_avx512(table);
      register_probe_avx512(table);
    }
#endif
  }
  return tables;
}

}  // namespace

bool isa_present(int isa) {
  return isa == 0 || (isa == 1 && features().avx2) || (isa == 2 && features().avx512);
}

int best_isa() {
  int best = 0;
  for (int isa = 1; isa < kIsaCount; isa++)
    if (isa_present(isa)) best = isa;
  return best;
}

const KernelTable& kernel_table(int isa) {
  static const std::array<KernelTable, kIsaCount> tables = make_tables();
  return tables[static_cast<size_t>(isa)];
}

}  // namespace fak
