// SPDX-License-Identifier: Apache-2.0
#include "core/plan/step_rows.h"

#include "core/formula/whole_terms.h"
#include "core/names/variance.h"

namespace ckmerge {

StepRows rows_of(const Plan& plan, const Step& step) {
  if (step.expansion == Step::kWhole) return {};
  const Expansion& expansion = plan.expansions[step.expansion];
  return {expansion.row, expansion.head};
}

TensorFacts facts_of(std::span<const Checkpoint> checkpoints, const Step& step) {
  const Tensor tensor = checkpoints[step.named.checkpoint].tensors[step.named.tensor];
  return {.name = tensor.name, .shape = tensor.shape};
}

Rounding rounding_of(const Plan& plan, std::span<const Checkpoint> checkpoints, const Step& step) {
  if (!draws(plan, step)) return {};
  return stochastic_rounding(plan.recipe.seed.value_or(0), facts_of(checkpoints, step).name);
}

bool computes_variance(const Plan& plan, std::span<const Checkpoint> checkpoints, const Step& step) {
  return computes(plan, step) && is_variance(facts_of(checkpoints, step).name);
}

bool is_beyond_range(std::span<const Checkpoint> checkpoints, Source source) {
  const Checkpoint& from = checkpoints[source.checkpoint];
  return from.made_whole && making_of(from).beyond_range && making_of(from).beyond_range->contains(source.tensor);
}

bool reads_beyond_range(const Plan& plan, std::span<const Checkpoint> checkpoints, const Step& step) {
  for (size_t k = 0; k < step.source_count; ++k)
    if (is_beyond_range(checkpoints, plan.source(step, k))) return true;
  return false;
}

size_t first_step_after(const Plan& plan, uint64_t offset) {
  const auto found = std::ranges::partition_point(
      plan.steps, [offset](const Step& step) { return step.offset + step.size <= offset; });
  return static_cast<size_t>(found - plan.steps.begin());
}

}  // namespace ckmerge
