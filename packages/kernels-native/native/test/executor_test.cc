// The executor without Node: one block with every kind of op, run over several steps; the same bits for every team size, instruction
// set and cut into steps; aborts and faults end as promised. Made to be run under the address and thread sanitizers too.
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <stdexcept>
#include <vector>

#include "executor/bus_guard.h"
#include "executor_model.h"
#include "isa/cpu.h"
#include "math/trigonometry.h"

using namespace fak;
using namespace fak::test;

namespace {

/// Of the logits below: the same on every machine, compiler and architecture. It changes only with the arithmetic itself.
constexpr uint64_t kGoldenHash = 0x548c8867d7354f53;

FAK_TEST(one_hash) {
  check_one_hash(record_model(), kGoldenHash);
}

FAK_TEST(aborted_steps_leave_no_trace) {
  const Recorder model = record_model();
  Prepared prepared(model.program, {}, kernel_table(0), std::make_shared<Team>(2));
  const std::vector<uint32_t> tokens = some_tokens(kMaxTokens);
  const std::vector<float> want = logits(prepared, tokens, kMaxTokens);
  int aborted = 0;
  for (int delay = 0; delay < 40; delay++) {
    const std::unique_ptr<State> owned = prepared.create_state();
    State& state = *owned;
    std::vector<float> out;
    int32_t flag = delay == 0;
    Batch request = request_for(prepared, state, 0, tokens, out);
    request.requests[0].abort = &flag;
    std::thread timer([&] {
      std::this_thread::sleep_for(std::chrono::microseconds(delay * 50));
      __atomic_store_n(&flag, 1, __ATOMIC_RELAXED);
    });
    aborted += run(prepared, request).outcome == Outcome::Aborted;
    timer.join();
    state.reset();
    CHECK(run(prepared, request_for(prepared, state, 0, tokens, out)).outcome == Outcome::Done, "after an abort");
    CHECK(first_difference(want.data(), out.data(), static_cast<int64_t>(want.size())) < 0, "after an abort");
  }
  CHECK(aborted > 0, "no step was aborted");
}

FAK_TEST(a_fork_goes_on_alone) {
  const Recorder model = record_model();
  Prepared prepared(model.program, {}, kernel_table(0), std::make_shared<Team>(2));
  const std::vector<uint32_t> shared = some_tokens(70);
  std::vector<uint32_t> one = shared, other = shared;
  one.insert(one.end(), {1, 2, 3, 4, 5});
  other.insert(other.end(), {9, 8, 7, 6, 5});
  const std::vector<float> expected_one = logits(prepared, one, 25), expected_other = logits(prepared, other, 25);
  const auto tail = [](const std::vector<float>& all) { return std::vector<float>(all.end() - 5 * kVocabulary, all.end()); };

  CHECK(prepared.usage().bytes() == 0, "nothing is left of runs that are over");
  std::unique_ptr<State> state = prepared.create_state();
  std::vector<float> out;
  for (int64_t at : {0, 35})
    run(prepared, request_for(prepared, *state, at, std::vector<uint32_t>(shared.begin() + at, shared.begin() + at + 35), out));
  const size_t before = prepared.usage().bytes();
  std::unique_ptr<State> fork = state->fork(70);
  CHECK(fork && fork->bytes() == state->bytes(), "a fork holds what the original holds");
  CHECK(prepared.usage().bytes() < 2 * before, "but shares the cache");
  // By turns, so that either would see a row that the other wrote in place.
  std::vector<float> got_one, got_other;
  for (size_t i = 70; i < 75; i++) {
    run(prepared, request_for(prepared, *state, static_cast<int64_t>(i), {one[i]}, out));
    got_one.insert(got_one.end(), out.begin(), out.end());
    run(prepared, request_for(prepared, *fork, static_cast<int64_t>(i), {other[i]}, out));
    got_other.insert(got_other.end(), out.begin(), out.end());
  }
  CHECK(got_one == tail(expected_one), "the original");
  CHECK(got_other == tail(expected_other), "the fork");

  std::unique_ptr<State> early = fork->fork(70);
  fork->reset();
  run(prepared, request_for(prepared, *fork, 0, some_tokens(3), out));
  state.reset();
  fork.reset();
  CHECK(early->bytes() == prepared.usage().bytes(), "what the others held alone is given back");
  early.reset();
  CHECK(prepared.usage().bytes() == 0, "everything is given back");
}

FAK_TEST(aborted_steps_restore_the_state) {
  const Recorder model = record_model();
  Prepared prepared(model.program, {}, kernel_table(0), std::make_shared<Team>(2));
  const std::vector<uint32_t> tokens = some_tokens(20);
  const std::unique_ptr<State> owned = prepared.create_state();
  State& state = *owned;
  std::vector<float> out;
  run(prepared, request_for(prepared, state, 0, tokens, out));
  const auto recurrent = [&] {
    std::vector<float> copy(static_cast<size_t>(state.recurrent_floats()));
    state.save(copy.data(), 0, state.recurrent_floats());
    return copy;
  };
  const std::vector<float> before = recurrent();
  int32_t flag = 0;
  Batch request = request_for(prepared, state, 20, tokens, out);
  request.requests[0].abort = &flag;
  std::thread timer([&] {
    std::this_thread::sleep_for(std::chrono::microseconds(200));
    __atomic_store_n(&flag, 1, __ATOMIC_RELAXED);
  });
  const Outcome outcome = run(prepared, request).outcome;
  timer.join();
  const std::vector<float> after = recurrent();
  const bool same = std::memcmp(before.data(), after.data(), before.size() * sizeof(float)) == 0;
  CHECK(same == (outcome == Outcome::Aborted), "outcome %u, state %s", static_cast<unsigned>(outcome), same ? "kept" : "moved");
}

FAK_TEST(not_a_number_is_named) {
  Recorder model = record_model();
  // The last matrix is the head.
  model.weights.back()[5] = NAN;
  Prepared prepared(model.program, {}, kernel_table(best_isa()), std::make_shared<Team>(3));
  const std::unique_ptr<State> owned = prepared.create_state();
  State& state = *owned;
  std::vector<float> out;
  const Response response = run(prepared, request_for(prepared, state, 0, some_tokens(3), out));
  CHECK(response.outcome == Outcome::NonFinite && response.op == static_cast<int>(model.program.ops.size()) - 1,
        "outcome %u at op %d", static_cast<unsigned>(response.outcome), response.op);
  CHECK(!state.lost, "a step of three tokens is undone");
  run(prepared, request_for(prepared, state, 0, some_tokens(1), out));
  CHECK(state.lost, "a step of one token is not");
  CHECK(run(prepared, request_for(prepared, state, 0, some_tokens(1), out)).outcome == Outcome::StateLost, "must be reset first");
}

#ifndef __SANITIZE_THREAD__  // its runtime takes over signals and is confused by a jump out of a handler

volatile sig_atomic_t passed_on = 0;
sigjmp_buf past_fault;

FAK_TEST(bus_errors_are_caught_here_and_passed_on_elsewhere) {
  struct sigaction theirs = {};
  theirs.sa_handler = [](int) {
    passed_on = passed_on + 1;
    siglongjmp(past_fault, 1);
  };
  theirs.sa_flags = SA_NODEFER;
  sigaction(SIGBUS, &theirs, nullptr);
  install_bus_guard();

  char path[] = "/tmp/fak-bus-XXXXXX";
  const int file = mkstemp(path);
  unlink(path);
  CHECK(ftruncate(file, 8192) == 0, "ftruncate");
  const auto* data = static_cast<const volatile char*>(mmap(nullptr, 8192, PROT_READ, MAP_SHARED, file, 0));
  CHECK(guarded([&] { (void)data[5000]; }), "a page with a file behind it");
  CHECK(ftruncate(file, 0) == 0, "ftruncate");
  for (int i = 0; i < 3; i++) CHECK(!guarded([&] { (void)data[5000]; }), "a page without");
  CHECK(passed_on == 0, "ours alone");
  if (sigsetjmp(past_fault, 0) == 0) (void)data[5000];
  CHECK(passed_on == 1, "not ours");
  munmap(const_cast<char*>(data), 8192);
  close(file);
}

#endif

FAK_TEST(rope_functions_are_accurate) {
  double worst = 0;
  for (double x = 0; x < 300000; x += 7.3) {
    const SineCosine both = sine_cosine(x);
    worst = std::fmax(worst, std::fmax(std::fabs(both.sine - std::sin(x)), std::fabs(both.cosine - std::cos(x))));
  }
  CHECK(worst < 1e-13, "sine and cosine: %.3g", worst);
  double worst_power = 0;
  for (const double base : {1.5, 10000.0, 1e6, 1e7})
    for (double exponent = -1; exponent < 0.01; exponent += 0.0137)
      worst_power = std::fmax(worst_power, std::fabs(power(base, exponent) / std::pow(base, exponent) - 1));
  CHECK(worst_power < 1e-14, "power: %.3g", worst_power);
}

FAK_TEST(damaged_encodings_are_refused) {
  std::vector<double> words = {3, 48, 0, 0, 1, 0, 0, 0, 0, 0};
  CHECK(decode_program(words.data(), words.size()).values.size() == 1, "the valid sibling");
  for (size_t n = 0; n < words.size(); n++) {
    bool refused = false;
    try {
      decode_program(words.data(), n);
    } catch (const std::runtime_error&) {
      refused = true;
    }
    CHECK(refused, "cut after %zu words", n);
  }
  for (size_t i = 0; i < words.size(); i++)
    for (const double bad : {-3.0, 0.5, 1e18, static_cast<double>(NAN)}) {
      std::vector<double> damaged = words;
      damaged[i] = bad;
      bool refused = false;
      try {
        decode_program(damaged.data(), damaged.size());
      } catch (const std::runtime_error&) {
        refused = true;
      }
      CHECK(refused, "word %zu is %g", i, bad);
    }
}

}  // namespace
