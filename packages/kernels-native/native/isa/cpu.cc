// What the processor and the operating system offer, and the kernel tables.
#include "isa/cpu.h"

#include <array>

#if defined(FAK_X86)
#include <cpuid.h>
#elif defined(FAK_ARM64) && defined(__APPLE__)
#include <sys/sysctl.h>
#elif defined(FAK_ARM64) && defined(__linux__)
#include <sys/auxv.h>
#endif

namespace fak {

namespace {

struct Features {
  bool avx2 = false;
  bool avxvnni = false;  ///< the int8 dot products of VNNI in the encoding of AVX2, for processors without AVX-512
  bool avx512 = false;
  bool neon = false;  ///< with the dot products of Armv8.2 (SDOT); without them scalar code is used
  bool i8mm = false;  ///< matrix products of int8 (SMMLA) as well
};

#if defined(FAK_X86)
Features detect() {
  Features found;
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (!__get_cpuid(1, &a, &b, &c, &d)) return found;
  const bool osxsave = c & (1u << 27), avx = c & (1u << 28), fma = c & (1u << 12), f16c = c & (1u << 29);
  if (!osxsave || !avx || !fma || !f16c || !__get_cpuid_count(7, 0, &a, &b, &c, &d)) return found;
  const unsigned subleaves = a;
  // The CPU having the registers is not enough: the operating system must save them (XCR0).
  unsigned xcr0 = 0, xcr0_high = 0;
  __asm__ volatile("xgetbv" : "=a"(xcr0), "=d"(xcr0_high) : "c"(0));
  const bool ymm = (xcr0 & 0x06) == 0x06, zmm = (xcr0 & 0xe6) == 0xe6;
  found.avx2 = ymm && (b & (1u << 5));
  const bool f = b & (1u << 16), dq = b & (1u << 17), bw = b & (1u << 30), vl = b & (1u << 31), vnni = c & (1u << 11);
  found.avx512 = found.avx2 && zmm && f && dq && bw && vl && vnni;
#ifdef FAK_AVXVNNI
  if (subleaves >= 1 && __get_cpuid_count(7, 1, &a, &b, &c, &d)) found.avxvnni = found.avx2 && (a & (1u << 4));
#else
  (void)subleaves;  // the compiler has no AVX-VNNI
#endif
  return found;
}
#elif defined(FAK_ARM64) && defined(__APPLE__)
bool sysctl_flag(const char* name) {
  int value = 0;
  size_t size = sizeof value;
  return sysctlbyname(name, &value, &size, nullptr, 0) == 0 && value != 0;
}

Features detect() {
  Features found;
  found.neon = sysctl_flag("hw.optional.arm.FEAT_DotProd");
  found.i8mm = found.neon && sysctl_flag("hw.optional.arm.FEAT_I8MM");
  return found;
}
#elif defined(FAK_ARM64) && defined(__linux__)
Features detect() {
  // HWCAP_ASIMDDP and HWCAP2_I8MM of the kernel's arm64 ABI; older headers lack the second name.
  Features found;
  found.neon = getauxval(AT_HWCAP) & (1ul << 20);
  found.i8mm = found.neon && (getauxval(AT_HWCAP2) & (1ul << 13));
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
#if defined(FAK_X86)
    if (isa >= kAvx2 && isa_present(isa)) {
      register_linear_avx2(table);
      register_float_avx2(table);
      register_dequantized_avx2(table);
      register_probe_avx2(table);
    }
#ifdef FAK_AVXVNNI
    if (isa == kAvxVnni && isa_present(isa)) register_linear_avxvnni(table);
#endif
    if (isa >= kAvx512 && isa_present(isa)) {
      register_linear_avx512(table);
      register_float_avx512(table);
      register_dequantized_avx512(table);
      register_probe_avx512(table);
    }
#elif defined(FAK_ARM64)
    if (isa >= kNeon && isa_present(isa)) {
      register_linear_neon(table);
      register_float_neon(table);
      register_dequantized_neon(table);
      register_probe_neon(table);
    }
    if (isa >= kI8mm && isa_present(isa)) {
      register_linear_i8mm(table);
      register_probe_i8mm(table);
    }
#endif
  }
  return tables;
}

}  // namespace

bool isa_present(int isa) {
  switch (isa) {
    case kScalar: return true;
    case kAvx2: return features().avx2;
    case kAvxVnni: return features().avxvnni;
    case kAvx512: return features().avx512;
    case kNeon: return features().neon;
    case kI8mm: return features().i8mm;
    default: return false;
  }
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
