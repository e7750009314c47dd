// ExpertGroups: which rows go to which expert, sorted by expert, so that each expert's matrix is read once for all of its rows.
#pragma once

#include <algorithm>

#include "executor/memory.h"
#include "ops/op.h"

namespace fak {

/// The rows of one expert: a run of ExpertGroups::slots.
struct ExpertGroup {
  int32_t expert, first, count;
};

/// A counting sort of all slots (row t, rank r) by the expert that `routes` names for them; one unit. Slots of a group ascend.
class ExpertGroups final : public Task {
 public:
  /// `input`: index of the op's operand `routes`, [rows, 2 top_k].
  ExpertGroups(const OpBuilder& b, int input, int64_t experts, int64_t top_k)
      : routes_(b.input_id(input)), op_(b.op), rows_(b.input(input).rows), experts_(experts), top_k_(top_k),
        most_slots_(rows_.of(b.program.max_tokens, b.program.max_tokens) * top_k) {
    shared_bytes = kAlignment + align_up(static_cast<size_t>(experts) * sizeof(ExpertGroup)) +
                   align_up(static_cast<size_t>(experts) * sizeof(int32_t)) + static_cast<size_t>(most_slots_) * sizeof(int32_t);
  }

  Work work(const Step& step) const override {
    const int64_t slots = rows_.of(step.T, step.R) * top_k_;
    return {slots > 0 ? 1 : 0, static_cast<double>(slots) * 3 + static_cast<double>(experts_)};
  }

  void run(const Step& step, int64_t, int64_t, int) const override {
    int32_t& groups = *reinterpret_cast<int32_t*>(step.shared + shared_offset);
    groups = 0;
    int32_t* const next = counters(step);
    for (int64_t e = 0; e < experts_; e++) next[e] = 0;
    const int64_t rows = rows_.of(step.T, step.R);
    for (int64_t t = 0; t < rows; t++)
      for (int64_t r = 0; r < top_k_; r++) {
        // Only `route` is known to give nothing else.
        if (!names_expert(step.activations[routes_][t * 2 * top_k_ + r])) step.part_of(rows_, t).failure->report(Outcome::NonFinite, op_);
        next[expert_at(step, t, r)]++;
      }
    ExpertGroup* const group = reinterpret_cast<ExpertGroup*>(step.shared + shared_offset + kAlignment);
    int32_t first = 0;
    for (int64_t e = 0; e < experts_; e++) {
      const int32_t count = next[e];
      if (count > 0) group[groups++] = {static_cast<int32_t>(e), first, count};
      next[e] = first;
      first += count;
    }
    int32_t* const slot = next + align_up(static_cast<size_t>(experts_) * sizeof(int32_t)) / sizeof(int32_t);
    for (int64_t t = 0; t < rows; t++)
      for (int64_t r = 0; r < top_k_; r++)
        slot[next[expert_at(step, t, r)]++] = static_cast<int32_t>(t * top_k_ + r);
  }

  /// How many experts have rows, and who they are, in ascending order.
  int64_t count(const Step& step) const { return *reinterpret_cast<const int32_t*>(step.shared + shared_offset); }
  const ExpertGroup* groups(const Step& step) const {
    return reinterpret_cast<const ExpertGroup*>(step.shared + shared_offset + kAlignment);
  }
  /// Slots t * top_k + r, group after group.
  const int32_t* slots(const Step& step) const {
    return counters(step) + align_up(static_cast<size_t>(experts_) * sizeof(int32_t)) / sizeof(int32_t);
  }
  int64_t slot_count(const Step& step) const { return rows_.of(step.T, step.R) * top_k_; }
  int64_t most_slots() const { return most_slots_; }
  /// Most experts that can have rows in a step.
  int64_t most_groups(const Step& step) const { return std::min(experts_, slot_count(step)); }
  int64_t top_k() const { return top_k_; }
  RowCount rows() const { return rows_; }

 private:
  /// Written so that NaN is refused too.
  bool names_expert(float index) const {
    return index >= 0 && index < static_cast<float>(experts_) && index == static_cast<float>(static_cast<int32_t>(index));
  }
  /// A row whose routes name no expert has failed; it goes on with the first one, beside the rows of others.
  int32_t expert_at(const Step& step, int64_t t, int64_t r) const {
    const float index = step.activations[routes_][t * 2 * top_k_ + r];
    return names_expert(index) ? static_cast<int32_t>(index) : 0;
  }
  int32_t* counters(const Step& step) const {
    return reinterpret_cast<int32_t*>(step.shared + shared_offset + kAlignment +
                                      align_up(static_cast<size_t>(experts_) * sizeof(ExpertGroup)));
  }

  int routes_, op_;
  RowCount rows_;
  int64_t experts_, top_k_, most_slots_;
};

}  // namespace fak
