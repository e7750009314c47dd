// Reading a mapped page that no longer has a file behind it raises SIGBUS. Inside guarded() that becomes `false`; anywhere else the
// signal goes to whoever handled it before us.
#pragma once

#include <setjmp.h>

namespace fak {

/// Installs the handler, once per process; called before the first guarded read.
void install_bus_guard();

/// Where this thread continues after a fault; null outside guarded().
sigjmp_buf*& bus_guard_target();

/// Runs body(). False when it met a page without a file: body then stopped in the middle, so it must own nothing.
template <class Body>
bool guarded(Body body) {
  sigjmp_buf here;
  sigjmp_buf*& target = bus_guard_target();
  if (sigsetjmp(here, 0) != 0) {
    target = nullptr;
    return false;
  }
  target = &here;
  body();
  target = nullptr;
  return true;
}

}  // namespace fak
