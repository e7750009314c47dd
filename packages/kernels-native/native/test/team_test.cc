// The team and its barrier under stress: every round must see all writes of the round before, whoever sleeps or yields.
#include <stdlib.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <future>
#include <numeric>
#include <vector>

#include "check.h"
#include "threads/team.h"
#include "threads/topology.h"

using namespace fak;

namespace {

/// Runs one job and waits for it.
void run_job(Team& team, const std::function<void(int, Barrier&)>& body) {
  std::promise<void> done;
  team.submit([&] {
    team.run(body);
    done.set_value();
  });
  done.get_future().wait();
}

FAK_TEST(barrier_orders_writes) {
  for (const int threads : {1, 2, 3, 8}) {
    Team team(threads);
    const int rounds = 2000;
    // Plain, unsynchronized memory: only the barrier makes this right.
    std::vector<int> cell(static_cast<size_t>(threads), 0);
    int alone = 0, wrong = 0;
    run_job(team, [&](int thread, Barrier& barrier) {
      for (int round = 1; round <= rounds; round++) {
        cell[static_cast<size_t>(thread)] = round;
        barrier.arrive([&] {
          alone++;
          if (std::accumulate(cell.begin(), cell.end(), 0) != round * threads) wrong++;
        });
        if (thread == round % threads && round % 500 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
        barrier.arrive([] {});
      }
    });
    CHECK(alone == rounds && wrong == 0, "%d threads: %d rounds, %d wrong", threads, alone, wrong);
  }
}

FAK_TEST(jobs_run_in_order_on_one_team) {
  Team team(3);
  std::vector<int> order;
  std::promise<void> done;
  for (int i = 0; i < 200; i++)
    team.submit([&, i] {
      std::atomic<int> ran{0};
      team.run([&](int, Barrier&) { ran++; });
      if (ran == 3) order.push_back(i);
      // Some gaps are long enough for the workers to park.
      if (i % 50 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(2));
      if (i == 199) done.set_value();
    });
  done.get_future().wait();
  CHECK(order.size() == 200, "%zu jobs ran whole", order.size());
  for (size_t i = 0; i < order.size(); i++) CHECK(order[i] == static_cast<int>(i), "job %d came at %zu", order[i], i);
}

FAK_TEST(teams_come_and_go) {
  for (int i = 0; i < 300; i++) {
    Team team(1 + i % 3);
    if (i % 2) run_job(team, [](int, Barrier& barrier) { barrier.arrive([] {}); });
  }
}

#if defined(__linux__)

/// Files of a control group hierarchy that is not mounted anywhere.
class Groups {
 public:
  Groups() {
    char name[] = "/tmp/fak-groups-XXXXXX";
    CHECK(mkdtemp(name) != nullptr, "%s", name);
    root_ = name;
  }
  ~Groups() { std::filesystem::remove_all(root_); }
  void write(const std::string& path, const std::string& text) {
    const std::filesystem::path file = root_ + path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text << "\n";
  }
  /// With this content of /proc/self/cgroup.
  double cpus(const std::string& membership) {
    write("/cgroup", membership);
    return quota_cpus(root_ + "/cgroup", root_ + "/sys");
  }

 private:
  std::string root_;
};

FAK_TEST(the_tightest_quota_counts) {
  Groups v2;
  v2.write("/sys/outer/inner/cpu.max", "max 100000");
  CHECK(v2.cpus("0::/outer/inner") > 1e6, "no quota anywhere");
  v2.write("/sys/outer/cpu.max", "150000 100000");
  CHECK(v2.cpus("0::/outer/inner") == 1.5, "a fraction, of the outer group");
  v2.write("/sys/outer/inner/cpu.max", "20000 50000");
  CHECK(v2.cpus("0::/outer/inner") == 0.4, "of the inner group");
  v2.write("/sys/cpu.max", "30000 100000");
  CHECK(v2.cpus("0::/") == 0.3 && v2.cpus("0::/outer/inner") == 0.3, "of the root that a container sees");

  Groups v1;
  v1.write("/sys/cpu/job/cpu.cfs_quota_us", "250000");
  v1.write("/sys/cpu/job/cpu.cfs_period_us", "100000");
  CHECK(v1.cpus("3:cpuset:/job\n2:cpu,cpuacct:/job/step") == 2.5, "of the group above");
  CHECK(v1.cpus("3:cpuset:/job\n2:cpuacct:/job") > 1e6, "other controllers have no quota");
  v1.write("/sys/cpu/job/step/cpu.cfs_quota_us", "-1");
  v1.write("/sys/cpu/job/step/cpu.cfs_period_us", "100000");
  CHECK(v1.cpus("2:cpu,cpuacct:/job/step") == 2.5, "-1 is no quota");
  for (const char* damaged : {"", "0", "0:", "::", "cpu", "0::"}) CHECK(v1.cpus(damaged) > 1e6, "'%s' is no group", damaged);
}

#endif

FAK_TEST(some_core_is_usable) { CHECK(usable_cores() >= 1, "%d", usable_cores()); }

}  // namespace
