#include "executor/bus_guard.h"

#include <signal.h>

#include <mutex>

namespace fak {

namespace {

// Initial-exec: the handler may run on a thread that never touched it, where a lazily made copy would call malloc.
__attribute__((tls_model("initial-exec"))) thread_local sigjmp_buf* target = nullptr;

struct sigaction previous;

void on_bus_error(int signal, siginfo_t* info, void* context) {
  if (target) siglongjmp(*target, 1);
  if (previous.sa_flags & SA_SIGINFO) {
    previous.sa_sigaction(signal, info, context);
  } else if (previous.sa_handler != SIG_DFL && previous.sa_handler != SIG_IGN) {
    previous.sa_handler(signal);
  } else {
    // Not ours and nobody else's: let the faulting instruction run again under the default action.
    sigaction(SIGBUS, &previous, nullptr);
  }
}

}  // namespace

sigjmp_buf*& bus_guard_target() { return target; }

void install_bus_guard() {
  static std::once_flag once;
  std::call_once(once, [] {
    struct sigaction action = {};
    action.sa_sigaction = on_bus_error;
    // NODEFER: the handler leaves by a jump that does not restore the signal mask. ONSTACK: threads of Node may have small stacks.
    action.sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK;
    sigemptyset(&action.sa_mask);
    sigaction(SIGBUS, &action, &previous);
  });
}

}  // namespace fak
