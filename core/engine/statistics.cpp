// SPDX-License-Identifier: Apache-2.0
#include "core/engine/statistics.h"

#include <algorithm>

namespace ckmerge {

Statistics::Statistics(const Plan& plan, std::span<const Checkpoint> checkpoints, LineStore* lines,
                       const ThreadPool* pool)
    : plan_(plan), checkpoints_(checkpoints), line_store_(lines), pool_(pool), levels_(plan.statistic_levels()) {
  count_model_steps();
}

void Statistics::count_model_steps() {
  model_left_.resize(levels_);
  for (const Step& step : plan_.steps) {
    if (step.size == 0 || !needs_statistics(plan_, step)) continue;
    for (const TensorCoefficients& made : statistics_of(plan_, step).coefficients)
      if (wants_model(made)) ++model_left_[made.level];
  }
}

// Of each term the numbers of all tensors are one set, whichever programs these have: its slots are the same in all.
void Statistics::finish_model(size_t level) {
  const auto for_each_part = [&](const auto& fn) {
    for (auto& [step, state] : states_)
      for (const TensorCoefficients& made : statistics_of(plan_, plan_.steps[step]).coefficients)
        if (made.level == level && wants_model(made)) fn(state, made);
  };
  std::map<std::pair<const Method*, uint16_t>, ModelPart> parts;
  for_each_part([&](State& state, const TensorCoefficients& made) {
    ModelPart& part = parts[{made.method, made.first_slot}];
    part.made = &made;
    const TensorLines::Slot& slot = state.lines->slots()[made.first_line + made.method->model_range(made.given).line];
    part.columns.push_back({slot.table, slot.number});
  });
  std::map<std::pair<const Method*, uint16_t>, ModelStatistics> found;
  for (const auto& [key, part] : parts)
    found[key] = range_of(part.columns, key.first->model_range(part.made->given), pool_);
  for_each_part([&](State& state, const TensorCoefficients& made) {
    made.method->model_coefficients(made.given, found.at({made.method, made.first_slot}),
                                    std::span(state.coefficients).subspan(made.first_slot, made.given.size()));
  });
}

bool share_statistics(const Plan& a, const Plan& b, uint64_t tile_size) {
  const auto set_of = [](const Plan& plan, const Step& step) {
    return needs_statistics(plan, step) ? plan.program_statistics[step.program] : Plan::kNoStatistics;
  };
  // Reductions speak of a step's sources by their places.
  const auto same_sources = [&](const Step& x, const Step& y) {
    if (x.source_count != y.source_count) return false;
    for (size_t k = 0; k < x.source_count; ++k)
      if (a.source(x, k) != b.source(y, k)) return false;
    return true;
  };
  const auto same_step = [&](const Step& x, const Step& y) {
    return set_of(a, x) == set_of(b, y) && x.size == y.size && x.dtype == y.dtype && x.expansion == y.expansion &&
           (set_of(a, x) == Plan::kNoStatistics || same_sources(x, y));
  };
  // What is reduced on higher levels hangs on the coefficients of lower ones.
  const auto same_set = [](const StatisticSet& x, const StatisticSet& y) {
    uint8_t last = 0;
    for (const Reduction& reduction : x.reductions) last = std::max(last, reduction.level);
    const auto same_part = [&](const TensorCoefficients& of_x, const TensorCoefficients& of_y) {
      return of_x == of_y ||
             (of_x.level >= last && of_x.level == of_y.level && of_x.first_reduction == of_y.first_reduction &&
              of_x.reduction_count == of_y.reduction_count);
    };
    return x.reductions == y.reductions && std::ranges::equal(x.coefficients, y.coefficients, same_part);
  };
  // What is found of lines is kept for one of both.
  if (std::ranges::any_of(a.statistics, &StatisticSet::has_lines)) return false;
  if (a.files.size() != 1 || b.files.size() != 1 || a.expansions.size() != b.expansions.size()) return false;
  const uint64_t x = a.files[0].header.size(), y = b.files[0].header.size();
  return std::max(x, y) - std::min(x, y) < tile_size && !a.statistics.empty() &&
         std::ranges::equal(a.statistics, b.statistics, same_set) && std::ranges::equal(a.steps, b.steps, same_step);
}

Statistics::Walk Statistics::walk(uint32_t step, size_t level) {
  std::lock_guard lock(mutex_);
  if (is_released(plan_.steps[step])) return {};
  State& state = state_of(step);
  if (state.levels == 0 && !state.reduced) begin(step, state);
  if (!state.reduced || state.levels != level) return {};
  return {.sought = state.reduced->sought(),
          .only_blocks = state.reduced->only_blocks(),
          .blocks_at_once = state.lines ? state.lines->blocks_at_once(level) : 1};
}

Statistics::State& Statistics::state_of(uint32_t step) {
  if (const auto known = states_.find(step); known != states_.end()) return known->second;
  const StatisticSet& set = statistics_of(plan_, plan_.steps[step]);
  State state{.coefficients = std::vector<double>(set.slot_count)};
  for (const TensorCoefficients& part : set.coefficients)
    std::ranges::copy(part.given, state.coefficients.begin() + part.first_slot);
  return states_.emplace(step, std::move(state)).first->second;
}

// A tensor that needs no walk at first is past it at once. What throws, as a scratch file that cannot grow, leaves the
// state as it was: others may come to it before they are told to end.
void Statistics::begin(uint32_t step, State& state) {
  const StatisticSet& set = statistics_of(plan_, plan_.steps[step]);
  auto reduced = std::make_unique<ReducedTensor>(set, reduced_elements(plan_, plan_.steps[step]));
  std::unique_ptr<TensorLines> lines;
  if (set.has_lines()) {
    lines = std::make_unique<TensorLines>(set, facts_of(checkpoints_, plan_.steps[step]).shape, *line_store_);
    lines->begin_walk(0);
  }
  state.lines = std::move(lines);
  state.reduced = std::move(reduced);
  if (finds_nothing(step, state)) end_walk(step, state);
}

// Of a tensor whose channels are all left out of what is reduced no block would ever be added.
bool Statistics::finds_nothing(uint32_t step, const State& state) const {
  return state.reduced->sought().empty() || reduced_elements(plan_, plan_.steps[step]).count == 0;
}

void Statistics::add_digits(uint32_t step, size_t sought, std::span<const uint32_t> counts) {
  std::lock_guard lock(mutex_);
  states_.at(step).reduced->add_digits(sought, counts);
}

void Statistics::add(uint32_t step, uint64_t first_block, std::span<const double> found) {
  std::lock_guard lock(mutex_);
  State& state = states_.at(step);
  if (state.reduced->add(first_block, found)) end_walk(step, state);
}

// Makes coefficients of what has been found, and passes over walks that have nothing to find.
void Statistics::end_walk(uint32_t step, State& state) {
  const StatisticSet& set = statistics_of(plan_, plan_.steps[step]);
  do {
    const size_t level = state.levels;
    state.reduced->end_walk();
    if (state.lines) state.lines->end_walk(state.coefficients, pool_);
    std::vector<double> numbers;
    for (const TensorCoefficients& part : set.coefficients)
      for (size_t r = 0; part.level == level && r < part.reduction_count; ++r)
        state.reduced->put_numbers(part.first_reduction + r, numbers);
    complete(state, step, level, numbers);
    for (Statistics* const other : others_) other->take(step, level, numbers);
    if (state.lines) state.lines->begin_walk(state.levels);
    for (const TensorCoefficients& part : set.coefficients)
      if (part.level == level && wants_model(part)) {
        if (model_left_[level] == 1) finish_model(level);
        --model_left_[level];  // nobody goes on where that threw
      }
  } while (state.levels < set.levels() && finds_nothing(step, state));
  if (state.levels == set.levels()) state.reduced.reset();
  changed_.notify_all();
}

// From who gathers for this as well.
void Statistics::take(uint32_t step, size_t level, std::span<const double> numbers) {
  std::lock_guard lock(mutex_);
  complete(state_of(step), step, level, numbers);
  changed_.notify_all();
}

// Has the methods make coefficients of the numbers that a level has completed.
void Statistics::complete(State& state, uint32_t step, size_t level, std::span<const double> numbers) {
  const StatisticSet& set = statistics_of(plan_, plan_.steps[step]);
  const uint64_t count = reduced_elements(plan_, plan_.steps[step]).count;
  for (const TensorCoefficients& part : set.coefficients) {
    if (part.level != level) continue;
    size_t own = 0;
    for (size_t r = 0; r < part.reduction_count; ++r) own += set.reductions[part.first_reduction + r].numbers();
    if (own == 0) continue;  // a round of lines alone
    part.method->tensor_coefficients(part.given, {.numbers = numbers.first(own), .count = count, .round = part.round},
                                     std::span(state.coefficients).subspan(part.first_slot, part.given.size()));
    numbers = numbers.subspan(own);
  }
  ++state.levels;
}

void Statistics::wait_for(ByteRange range, size_t levels, const ThreadPool& pool) {
  if (!wanted() || levels == 0) return;
  std::unique_lock lock(mutex_);
  pool.wait(lock, changed_, [&] { return ready(range, levels); });
}

bool Statistics::ready(ByteRange range, size_t levels) const {
  for (size_t level = 0; level < std::min(levels, model_left_.size()); ++level)
    if (model_left_[level] > 0) return false;
  for (size_t i = first_step_after(plan_, range.begin); i < plan_.steps.size(); ++i) {
    const Step& step = plan_.steps[i];
    if (step.offset >= range.end) break;
    if (step.size == 0 || !needs_statistics(plan_, step)) continue;
    if (is_released(step)) continue;
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

TensorLines* Statistics::lines(uint32_t step) const {
  std::lock_guard lock(mutex_);
  return states_.at(step).lines.get();
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
