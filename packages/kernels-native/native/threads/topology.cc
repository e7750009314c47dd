#include "threads/topology.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <set>
#include <string>
#include <thread>

#if defined(__linux__)
#include <sched.h>
#elif defined(__APPLE__)
#include <sys/sysctl.h>
#endif

namespace fak {

namespace {

#if defined(__linux__)

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

/// Distinct physical cores among the CPUs this process may run on. Two hardware threads of a core share its vector units.
int cores_by_affinity() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return static_cast<int>(std::thread::hardware_concurrency());
  std::set<std::string> cores;
  for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
    if (!CPU_ISSET(cpu, &allowed)) continue;
    const std::string name = "cpu" + std::to_string(cpu);
    const std::string siblings = first_line("/sys/devices/system/cpu/" + name + "/topology/thread_siblings_list");
    cores.insert(siblings.empty() ? name : siblings);
  }
  return static_cast<int>(cores.size());
}

/// CPUs that a "quota period" line of cgroup v2 grants, or a large number for "max".
double cpus_of(const std::string& line) {
  double quota = 0, period = 0;
  if (std::sscanf(line.c_str(), "%lf %lf", &quota, &period) != 2 || quota <= 0 || period <= 0) return 1e9;
  return quota / period;
}

/// The tightest quota from this process's control group up to the root (v2), or of the v1 cpu controller.
double cpus_by_quota() {
  double least = 1e9;
  std::ifstream file("/proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    if (line.rfind("0::", 0) != 0) continue;
    for (std::string path = line.substr(3);;) {
      least = std::min(least, cpus_of(first_line("/sys/fs/cgroup" + path + "/cpu.max")));
      const size_t slash = path.find_last_of('/');
      if (slash == std::string::npos) break;
      path.resize(slash);
    }
  }
  const std::string v1 = "/sys/fs/cgroup/cpu/cpu.cfs_";
  return std::min(least, cpus_of(first_line(v1 + "quota_us") + " " + first_line(v1 + "period_us")));
}

#endif

}  // namespace

int usable_cores() {
#if defined(__linux__)
  const double quota = cpus_by_quota();
  const int cores = cores_by_affinity();
  // A thread beyond the quota would be stopped in the middle of a phase and hold up all others, hence the floor.
  return std::max(1, quota < cores ? static_cast<int>(quota) : cores);
#elif defined(__APPLE__)
  int cores = 0;
  size_t size = sizeof cores;
  if (sysctlbyname("hw.perflevel0.physicalcpu", &cores, &size, nullptr, 0) != 0)
    cores = static_cast<int>(std::thread::hardware_concurrency());
  return std::max(1, cores);
#else
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
#endif
}

}  // namespace fak
