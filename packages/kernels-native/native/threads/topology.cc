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

/// More than any machine has.
constexpr double kNoQuota = 1e9;

/// CPUs that a "quota period" line of cgroup v2 grants; no quota for "max", and for version 1's -1.
double cpus_of(const std::string& line) {
  double quota = 0, period = 0;
  if (std::sscanf(line.c_str(), "%lf %lf", &quota, &period) != 2 || quota <= 0 || period <= 0) return kNoQuota;
  return quota / period;
}

#endif

}  // namespace

#if defined(__linux__)

double quota_cpus(const std::string& cgroups, const std::string& mounts) {
  double least = kNoQuota;
  std::ifstream file(cgroups);
  // "0::/path" for version 2, "4:cpu,cpuacct:/path" for the controllers of version 1.
  for (std::string line; std::getline(file, line);) {
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    const bool v2 = controllers == ",,";
    if (!v2 && controllers.find(",cpu,") == std::string::npos) continue;
    // A container may see its own group as the root, whatever the path says: that is the last one looked at.
    for (std::string path = line.substr(second + 1);;) {
      const std::string group = mounts + (v2 ? "" : "/cpu") + path;
      least = std::min(least, v2 ? cpus_of(first_line(group + "/cpu.max"))
                                 : cpus_of(first_line(group + "/cpu.cfs_quota_us") + " " + first_line(group + "/cpu.cfs_period_us")));
      const size_t slash = path.find_last_of('/');
      if (slash == std::string::npos) break;
      path.resize(slash);
    }
  }
  return least;
}

#endif

int usable_cores() {
#if defined(__linux__)
  const double quota = quota_cpus("/proc/self/cgroup", "/sys/fs/cgroup");
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
