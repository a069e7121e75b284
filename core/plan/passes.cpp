// SPDX-License-Identifier: Apache-2.0
#include "core/plan/passes.h"

#include <algorithm>
#include <set>
#include <vector>

#include "core/formula/beside_operands.h"
#include "core/formula/whole_terms.h"
#include "core/plan/step_rows.h"
#include "kernels/method.h"
#include "kernels/reductions.h"

namespace ckmerge {

size_t StatisticSet::levels() const {
  size_t levels = 0;
  for (const TensorCoefficients& part : coefficients) levels = std::max(levels, part.level + size_t{1});
  return levels;
}

size_t Plan::cuts() const {
  size_t most = 0;
  for (const StatisticSet& set : statistics) most = std::max(most, set.cuts());
  return most;
}

size_t Plan::digit_levels() const {
  size_t most = 0;
  for (const StatisticSet& set : statistics) {
    size_t levels = 0;
    for (size_t level = 0; level < set.levels(); ++level)
      levels += std::ranges::any_of(set.reductions, [&](const Reduction& reduction) {
        return reduction.how == Reduce::cut && level >= reduction.level &&
               level < reduction.level + reduction.digit_walks();
      });
    most = std::max(most, levels);
  }
  return most;
}

size_t Plan::statistic_levels() const {
  size_t most = 0;
  for (const StatisticSet& set : statistics) most = std::max(most, set.levels());
  return most;
}

namespace {

// An expanded step's first checkpoint is a source twice.
uint64_t bytes_of(const Plan& plan, std::span<const Checkpoint> checkpoints, const Step& step) {
  uint64_t bytes = 0;
  for (size_t k = 0; k < step.source_count; ++k) {
    const Source& source = plan.source(step, k);
    const bool again = k > 0 && plan.source(step).checkpoint == source.checkpoint;
    if (!again) bytes += bytes_read_for(checkpoints, source.checkpoint, source.tensor);
  }
  return bytes;
}

// Whether a walk of `reduction` goes over all of every tensor.
bool reads_all(const Reduction& reduction, size_t level) { return level < reduction.level + reduction.digit_walks(); }

// Whether it looks at one block, at most.
bool reads_a_block(const Reduction& reduction, size_t level) {
  return level + 1 == reduction.level + reduction.walks();
}

void add_walk(Pass& pass, const Plan& plan, std::span<const Checkpoint> checkpoints, const Step& step, size_t level) {
  bool all = false;
  uint64_t blocks = 0;
  for (const Reduction& reduction : statistics_of(plan, step).reductions) {
    if (!reduction.walks_at(level)) continue;
    all = all || reads_all(reduction, level);
    blocks += reads_all(reduction, level) || !reads_a_block(reduction, level) ? UINT32_MAX : 1;
  }
  const uint64_t bytes = bytes_of(plan, checkpoints, step);
  const uint64_t in_step = (element_count(step) + kReductionBlock - 1) / kReductionBlock;
  ++pass.tensors;
  pass.bytes_to_read += blocks < in_step ? bytes / in_step * blocks : bytes;
  pass.at_most = pass.at_most || !all;
}

}  // namespace

std::vector<Pass> passes_of(const Plan& plan, std::span<const Checkpoint> checkpoints) {
  std::vector<Pass> passes;
  std::vector<std::set<std::string>> methods;
  for (const Step& step : plan.steps) {
    if (!needs_statistics(plan, step)) continue;
    const StatisticSet& set = statistics_of(plan, step);
    passes.resize(std::max(passes.size(), set.levels()), {.name = "statistics"});
    methods.resize(passes.size());
    for (size_t level = 0; level < set.levels(); ++level) add_walk(passes[level], plan, checkpoints, step, level);
  }
  for (const StatisticSet& set : plan.statistics)
    for (const TensorCoefficients& part : set.coefficients)
      for (size_t level = set.reductions[part.first_reduction].level; level <= part.level; ++level)
        if (level < methods.size()) methods[level].insert(part.method->spec->name);
  for (size_t level = 0; level < passes.size(); ++level)
    passes[level].methods.assign(methods[level].begin(), methods[level].end());
  passes.push_back({.name = "merge", .tensors = plan.steps.size(), .bytes_to_read = plan.bytes_to_read});
  return passes;
}

uint64_t bytes_to_read_together(std::span<const Plan* const> plans, std::span<const Checkpoint> checkpoints) {
  std::vector<std::vector<bool>> is_read;
  for (const Checkpoint& checkpoint : checkpoints) is_read.emplace_back(checkpoint.tensors.size());
  for (const Plan* const plan : plans)
    for (const Step& step : plan->steps)
      for (size_t k = 0; k < step.source_count && step.size > 0; ++k)
        is_read[plan->source(step, k).checkpoint][plan->source(step, k).tensor] = true;
  uint64_t bytes = 0;
  for (uint32_t c = 0; c < checkpoints.size(); ++c)
    for (uint32_t i = 0; i < is_read[c].size(); ++i)
      if (is_read[c][i]) bytes += bytes_read_for(checkpoints, c, i);
  return bytes;
}

void count_whole_reads(Plan& plan, std::span<const Checkpoint> checkpoints) {
  for (const Step& step : plan.steps)
    for (size_t s = 0; s < step.source_count && step.size > 0; ++s) {
      const Source& source = plan.source(step, s);
      const Checkpoint& from = checkpoints[source.checkpoint];
      if (!from.made_whole) continue;
      plan.bytes_to_read += bytes_read_for(checkpoints, source.checkpoint, source.tensor);
      plan.bytes_to_read -= from.tensors[source.tensor].size;
    }
}

uint64_t whole_memory(const Plan& plan, const MergeGraph& graph, std::span<const Checkpoint> checkpoints) {
  const BesideOperands beside(graph, checkpoints);
  std::set<size_t> in_turn;
  for (const auto& [key, k] : beside.all())
    if (key.takes_turns()) in_turn.insert(k);
  struct Most {
    uint64_t making = 0, largest = 0;
  };
  std::vector<Most> most(checkpoints.size());
  for (const Source& source : plan.sources) {
    const Checkpoint& from = checkpoints[source.checkpoint];
    if (!from.made_whole) continue;
    Most& of = most[source.checkpoint];
    of.making = std::max(of.making, from.made_whole->memory(source.tensor));
    of.largest = std::max(of.largest, from.tensors[source.tensor].size);
  }
  uint64_t held = 0, turn = 0;
  for (size_t k = 0; k < checkpoints.size(); ++k) {
    if (!checkpoints[k].made_whole) continue;
    if (in_turn.contains(k))
      turn = std::max(turn, most[k].making);
    else
      held += most[k].making + (checkpoints[k].made_whole->is_whole ? 2 * most[k].largest : 0);
  }
  return held + turn;
}

}  // namespace ckmerge
