// SPDX-License-Identifier: Apache-2.0
// What is asked about the steps of a finished plan: how their elements fall into rows, what they need, and which of
// them lies where.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "core/plan/plan.h"

namespace ckmerge {

/// How a step's elements fall into rows; a step that is not expanded is one endless row that is all head.
struct StepRows {
  uint64_t row = UINT64_MAX, head = UINT64_MAX;  ///< elements

  bool expanded() const { return head != row; }
  uint64_t heads_before(uint64_t element) const { return element / row * head + std::min(element % row, head); }
  uint64_t tails_before(uint64_t element) const { return element - heads_before(element); }
  uint64_t element_of_head(uint64_t index) const { return index / head * row + index % head; }
  /// Where views of a part that begins at `element` count from: the start of its row, or itself.
  uint64_t origin(uint64_t element) const { return expanded() ? element / row * row : element; }
  /// Where heads and tails stand that are counted from `origin`. REQUIRES: expanded(); what origin() says.
  Places places_of_heads(uint64_t origin) const { return {.first = origin, .inner = head, .stride = row}; }
  Places places_of_tails(uint64_t origin) const { return {.first = origin + head, .inner = row - head, .stride = row}; }
};

StepRows rows_of(const Plan& plan, const Step& step);

/// The tensor that `step` makes, as its programs see it.
TensorFacts facts_of(std::span<const Checkpoint> checkpoints, const Step& step);

/// Whether `step` runs a program, not a copy and not zeros.
inline bool computes(const Plan& plan, const Step& step) { return step.program < plan.programs.size(); }

/// Whether that makes a variance (core/names/variance.h).
bool computes_variance(const Plan& plan, std::span<const Checkpoint> checkpoints, const Step& step);

/// Whether what `step` computes is rounded by chance: in the dtypes that have such stores.
inline bool draws(const Plan& plan, const Step& step) {
  return plan.recipe.rounding == RoundingPolicy::stochastic && info(step.dtype).bits < 32 &&
         (computes(plan, step) || step.expansion != Step::kWhole);
}
Rounding rounding_of(const Plan& plan, std::span<const Checkpoint> checkpoints, const Step& step);

/// Whether it is counted how much of what adapters add to `step` is left in what is stored (core/engine/kept_energy.h):
/// where rounding may take most of it. Not of rows that are cut in two, nor where rows or columns have numbers.
inline bool measures_energy(const Plan& plan, const Step& step) {
  return computes(plan, step) && step.expansion == Step::kWhole && step.program < plan.changes.size() &&
         plan.changes[step.program] != ProgramChange() && !plan.programs[step.program].has_lines() &&
         (info(step.dtype).bits == 8 || draws(plan, step));
}

/// Whether the coefficients of `step` come from statistics.
inline bool needs_statistics(const Plan& plan, const Step& step) {
  return computes(plan, step) && plan.program_statistics[step.program] != Plan::kNoStatistics;
}

/// What they are. REQUIRES: needs_statistics().
inline const StatisticSet& statistics_of(const Plan& plan, const Step& step) {
  return plan.statistics[plan.program_statistics[step.program]];
}

/// Elements of a step that has rows or a program, whose dtype has whole bytes.
inline uint64_t element_count(const Step& step) { return step.size / element_size(step.dtype); }

/// Whether `source` was made of finite inputs and came out with NaN or Inf, once it was read; whether `step` reads
/// such.
bool is_beyond_range(std::span<const Checkpoint> checkpoints, Source source);
bool reads_beyond_range(const Plan& plan, std::span<const Checkpoint> checkpoints, const Step& step);

/// Index of the first step that ends behind `offset` of the output.
size_t first_step_after(const Plan& plan, uint64_t offset);

}  // namespace ckmerge
