// Runs every case of a test program, or those whose name contains the first argument.
#include "check.h"

int main(int argc, char** argv) {
  int ran = 0;
  for (fak::test::Case* c = fak::test::Case::first; c; c = c->next) {
    if (argc > 1 && !std::strstr(c->name, argv[1])) continue;
    const int before = fak::test::failures;
    c->run();
    ran++;
    std::printf("%s %s\n", fak::test::failures == before ? "ok  " : "FAIL", c->name);
  }
  if (fak::test::failures > 0) std::fprintf(stderr, "%d checks failed\n", fak::test::failures);
  return fak::test::failures > 0 || ran == 0 ? 1 : 0;
}
