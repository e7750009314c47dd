// Several sequences in one step: each gets the bits that it gets alone, and what ends one of them is nothing to the others. Made to be run
// under the address and thread sanitizers too.
#include <algorithm>
#include <memory>
#include <vector>

#include "executor_model.h"

using namespace fak;
using namespace fak::test;

namespace {

/// Token ids of sequence i; lengths that end in the middle of steps and of blocks of keys.
std::vector<uint32_t> tokens_of(size_t i) {
  std::vector<uint32_t> tokens = some_tokens(60 + 11 * static_cast<int64_t>(i));
  for (uint32_t& token : tokens) token = (token + static_cast<uint32_t>(i)) % kVocabulary;
  return tokens;
}

/// A sequence on its way through its tokens.
struct Walker {
  std::vector<uint32_t> tokens;
  std::unique_ptr<State> state;
  int64_t at = 0;
  std::vector<float> logits;
};

Request request_of(const Walker& walker, int64_t count) {
  Request request;
  request.state = walker.state.get();
  request.position = walker.at;
  request.tokens = walker.tokens.data() + walker.at;
  request.count = request.rows = count;
  return request;
}

/// One step of some sequences; what comes out goes to each. Returns the outcomes.
std::vector<Response> step(Prepared& prepared, const std::vector<Walker*>& walkers, const std::vector<Request>& requests) {
  int64_t rows = 0;
  for (const Request& request : requests) rows += request.rows;
  std::vector<float> out(static_cast<size_t>(rows * kVocabulary), NAN);
  const std::vector<Response> responses = run_all(prepared, {requests, {out.data()}});
  auto from = out.begin();
  for (size_t i = 0; i < walkers.size(); i++) {
    const Outcome outcome = responses[i].outcome;
    if (outcome == Outcome::StateLost || outcome == Outcome::OutOfMemory) continue;
    const auto end = from + static_cast<std::ptrdiff_t>(requests[i].rows * kVocabulary);
    if (outcome == Outcome::Done) {
      walkers[i]->logits.insert(walkers[i]->logits.end(), from, end);
      walkers[i]->at += requests[i].count;
    }
    from = end;
  }
  return responses;
}

FAK_TEST(a_sequence_has_the_same_bits_in_company) {
  const Recorder model = record_model();
  for (int isa = 0; isa < kIsaCount; isa++) {
    if (!isa_present(isa)) continue;
    for (const int threads : {1, 2, 3}) {
      Prepared prepared(model.program, {}, kernel_table(isa), std::make_shared<Team>(threads));
      Random random(static_cast<uint64_t>(isa * 10 + threads));
      std::vector<Walker> walkers(5);
      std::vector<std::vector<float>> want;
      for (size_t i = 0; i < walkers.size(); i++) {
        walkers[i].tokens = tokens_of(i);
        walkers[i].state = prepared.create_state();
        want.push_back(logits(prepared, walkers[i].tokens, 48));
      }
      for (bool left = true; left;) {
        left = false;
        std::vector<Walker*> together;
        std::vector<Request> requests;
        int64_t room = kMaxTokens;
        for (Walker& walker : walkers) {
          const int64_t rest = static_cast<int64_t>(walker.tokens.size()) - walker.at;
          left |= rest > 0;
          const int64_t wanted = random.next() % 2 ? 1 : 1 + static_cast<int64_t>(random.next() % 30);
          const int64_t count = std::min({rest, room, random.next() % 4 ? wanted : int64_t{0}});
          if (count == 0) continue;
          room -= count;
          together.push_back(&walker);
          requests.push_back(request_of(walker, count));
        }
        if (requests.empty()) continue;
        for (const Response& response : step(prepared, together, requests))
          CHECK(response.outcome == Outcome::Done, "outcome %u at op %d", static_cast<unsigned>(response.outcome), response.op);
      }
      for (size_t i = 0; i < walkers.size(); i++)
        CHECK(walkers[i].logits == want[i], "%s, %d threads: sequence %zu", kIsaNames[isa], threads, i);
    }
  }
}

FAK_TEST(what_ends_one_sequence_leaves_the_others) {
  Recorder model = record_model();
  // Token 7 is a row of the embedding that is not a number.
  constexpr uint32_t kBad = 7;
  std::fill_n(model.weights[0].begin() + kBad * kHidden, kHidden, NAN);
  Prepared prepared(model.program, {}, kernel_table(best_isa()), std::make_shared<Team>(2));
  std::vector<uint32_t> tokens = some_tokens(30);
  std::replace(tokens.begin(), tokens.end(), kBad, 8u);
  const std::vector<float> want = logits(prepared, tokens, 30);

  std::vector<Walker> walkers(5);
  std::vector<Request> requests;
  std::vector<Walker*> all;
  const int32_t aborted = 1;
  for (size_t i = 0; i < walkers.size(); i++) {
    walkers[i].tokens = tokens;
    walkers[i].state = prepared.create_state();
    if (i == 1 || i == 2) walkers[i].tokens[3] = kBad;
    requests.push_back(request_of(walkers[i], i == 2 ? 1 : 10));
    all.push_back(&walkers[i]);
  }
  walkers[2].tokens[0] = kBad;
  walkers[3].state->lost = true;
  requests[4].abort = &aborted;
  const std::vector<Response> responses = step(prepared, all, requests);
  const Outcome expected[] = {Outcome::Done, Outcome::NonFinite, Outcome::NonFinite, Outcome::StateLost, Outcome::Aborted};
  for (size_t i = 0; i < walkers.size(); i++)
    CHECK(responses[i].outcome == expected[i], "sequence %zu: outcome %u", i, static_cast<unsigned>(responses[i].outcome));
  CHECK(responses[1].op == 0, "the embedding is named, not op %d", responses[1].op);
  CHECK(!walkers[1].state->lost, "a step of ten tokens is undone");
  CHECK(walkers[2].state->lost, "a step of one token is not");

  // All go on as if nothing had been.
  walkers[1].tokens[3] = tokens[3];
  walkers[2].tokens = tokens;
  for (Walker& walker : walkers) {
    if (walker.state->lost) walker.state->reset();
    while (walker.at < 30) step(prepared, {&walker}, {request_of(walker, std::min<int64_t>(10, 30 - walker.at))});
    CHECK(walker.logits == want, "a sequence that goes on");
  }
}

}  // namespace
