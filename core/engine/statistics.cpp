// SPDX-License-Identifier: Apache-2.0
#include "core/engine/statistics.h"

#include <algorithm>

namespace ckmerge {

Statistics::Statistics(const Plan& plan)
    : plan_(plan), levels_([&] {
        size_t levels = 0;
        for (const StatisticSet& set : plan.statistics) levels = std::max(levels, set.levels());
        return levels;
      }()) {}

ReducedElements reduced_elements(const Plan& plan, const Step& step) {
  const StepRows rows = rows_of(plan, step);
  const bool heads_only = rows.expanded() && !plan.expansions[step.expansion].others_count_as_zero;
  const uint64_t count = element_count(step);
  return {.rows = rows, .heads_only = heads_only, .count = heads_only ? rows.heads_before(count) : count};
}

bool share_statistics(const Plan& a, const Plan& b, uint64_t tile_size) {
  const auto set_of = [](const Plan& plan, const Step& step) {
    return needs_statistics(plan, step) ? plan.program_statistics[step.program] : Plan::kNoStatistics;
  };
  const auto same_step = [&](const Step& x, const Step& y) {
    return set_of(a, x) == set_of(b, y) && x.size == y.size && x.dtype == y.dtype && x.expansion == y.expansion;
  };
  // What is reduced on higher levels hangs on the coefficients of lower ones.
  const auto same_set = [](const StatisticSet& x, const StatisticSet& y) {
    return x.levels() > 1 ? x == y : x.reductions == y.reductions;
  };
  if (a.files.size() != 1 || b.files.size() != 1 || a.expansions.size() != b.expansions.size()) return false;
  const uint64_t x = a.files[0].header.size(), y = b.files[0].header.size();
  return std::max(x, y) - std::min(x, y) < tile_size && !a.statistics.empty() &&
         std::ranges::equal(a.statistics, b.statistics, same_set) && std::ranges::equal(a.steps, b.steps, same_step);
}

void Statistics::add(uint32_t step, size_t level, uint64_t first_block, std::span<const double> totals) {
  for (Statistics* const other : others_) other->add(step, level, first_block, totals);
  const ReducedElements elements = reduced_elements(plan_, plan_.steps[step]);
  const StatisticSet& set = statistics_of(plan_, plan_.steps[step]);
  const size_t width = set.reductions_of(level).size();
  std::lock_guard lock(mutex_);
  State& state = states_[step];
  if (!state.sums) state.sums = std::make_unique<Sums>(Sums{.values = std::vector<double>(width)});
  Sums& sums = *state.sums;
  sums.early.emplace(first_block, std::vector<double>(totals.begin(), totals.end()));
  while (!sums.early.empty() && sums.early.begin()->first == sums.next_block) {
    const std::vector<double>& next = sums.early.begin()->second;
    for (size_t i = 0; i < next.size(); ++i) sums.values[i % width] += next[i];
    sums.next_block += next.size() / width;
    sums.early.erase(sums.early.begin());
  }
  if (sums.next_block < elements.blocks()) return;
  complete(state, set, elements.count);
  changed_.notify_all();
}

std::vector<double> Statistics::given(const StatisticSet& set) {
  std::vector<double> slots(set.slot_count);
  for (const TensorCoefficients& part : set.coefficients)
    std::ranges::copy(part.given, slots.begin() + part.first_slot);
  return slots;
}

// Makes coefficients of what the level's sums have come to.
void Statistics::complete(State& state, const StatisticSet& set, uint64_t count) {
  if (state.levels == 0) state.coefficients = given(set);
  const auto first = static_cast<size_t>(set.reductions_of(state.levels).data() - set.reductions.data());
  const std::span<const double> values = state.sums->values;
  for (const TensorCoefficients& part : set.coefficients)
    if (part.level == state.levels)
      part.method->tensor_coefficients(part.given,
                                       {.numbers = values.subspan(part.first_reduction - first, part.reduction_count),
                                        .count = count,
                                        .round = part.round},
                                       std::span(state.coefficients).subspan(part.first_slot, part.given.size()));
  ++state.levels;
  state.sums.reset();
}

void Statistics::wait_for(ByteRange range, size_t levels, const ThreadPool& pool) {
  if (!wanted() || levels == 0) return;
  std::unique_lock lock(mutex_);
  pool.wait(lock, changed_, [&] { return ready(range, levels); });
}

bool Statistics::ready(ByteRange range, size_t levels) const {
  for (size_t i = first_step_after(plan_, range.begin); i < plan_.steps.size(); ++i) {
    const Step& step = plan_.steps[i];
    if (step.offset >= range.end) break;
    if (step.size == 0 || !needs_statistics(plan_, step)) continue;
    // A range that is gathered may begin behind the last block of a step, which is complete without it then.
    if (step.offset + step.size <= released_) continue;
    const auto state = states_.find(static_cast<uint32_t>(i));
    const size_t wanted = std::min(levels, statistics_of(plan_, step).levels());
    if (state == states_.end() || state->second.levels < wanted) return false;
  }
  return true;
}

std::vector<double> Statistics::coefficients(uint32_t step) const {
  std::lock_guard lock(mutex_);
  return states_.at(step).coefficients;
}

void Statistics::release_before(uint64_t offset) {
  if (!wanted()) return;
  std::lock_guard lock(mutex_);
  released_ = std::max(released_, offset);
  while (!states_.empty()) {
    const Step& step = plan_.steps[states_.begin()->first];
    if (step.offset + step.size > offset) break;
    states_.erase(states_.begin());
  }
}

}  // namespace ckmerge
