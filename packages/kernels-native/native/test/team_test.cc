// The team and its barrier under stress: every round must see all writes of the round before, whoever sleeps or yields.
#include <chrono>
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

FAK_TEST(some_core_is_usable) { CHECK(usable_cores() >= 1, "%d", usable_cores()); }

}  // namespace
