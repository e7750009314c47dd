// How many threads are worth starting here: physical cores, as far as affinity and the container's quota allow.
#pragma once

#include <string>

namespace fak {

/// At least 1.
int usable_cores();

#if defined(__linux__)
/// The tightest CPU quota from a process's control groups up to their roots, in CPUs; a very large number without one. `cgroups` is a file
/// like /proc/self/cgroup, `mounts` the folder where the hierarchies are mounted.
double quota_cpus(const std::string& cgroups, const std::string& mounts);
#endif

}  // namespace fak
