// The smallest test harness that serves: named cases, checks that print what they saw, one exit code. No dependency.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace fak::test {

struct Case {
  const char* name;
  void (*run)();
  Case* next;
  static inline Case* first = nullptr;
  Case(const char* name, void (*run)()) : name(name), run(run), next(first) { first = this; }
};

inline int failures = 0;

/// Longest list of failures worth printing.
constexpr int kPrintedFailures = 20;

/// Whether to run every test over a part of its combinations only (FAK_TEST_BRIEF is set): an emulator is fifty times slower.
inline bool brief() {
  static const bool asked = std::getenv("FAK_TEST_BRIEF") != nullptr;
  return asked;
}

#define FAK_TEST(name)                                       \
  static void test_##name();                                 \
  static const fak::test::Case case_##name(#name, test_##name); \
  static void test_##name()

/// Counts a failure and prints the condition and a printf-style explanation.
#define CHECK(condition, ...)                                                                 \
  do {                                                                                        \
    if (!(condition) && ++fak::test::failures <= fak::test::kPrintedFailures) {               \
      std::fprintf(stderr, "%s:%d: %s: ", __FILE__, __LINE__, #condition);                    \
      std::fprintf(stderr, __VA_ARGS__);                                                      \
      std::fputc('\n', stderr);                                                               \
    }                                                                                         \
  } while (0)

/// Index of the first float whose bits differ, or -1. Any NaN equals any NaN: its payload is not part of the contract.
inline int64_t first_difference(const float* a, const float* b, int64_t n) {
  for (int64_t i = 0; i < n; i++)
    if (std::memcmp(a + i, b + i, sizeof(float)) != 0 && !(std::isnan(a[i]) && std::isnan(b[i]))) return i;
  return -1;
}

/// A small generator with a stated sequence (splitmix64), so that a failure can be repeated anywhere.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  /// Uniform in [low, high).
  float uniform(float low, float high) {
    return low + (high - low) * (static_cast<float>(next() >> 40) / 16777216.0f);
  }

 private:
  uint64_t state_;
};

}  // namespace fak::test
