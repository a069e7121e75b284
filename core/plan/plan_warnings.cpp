// SPDX-License-Identifier: Apache-2.0
#include "core/plan/plan_warnings.h"

#include <algorithm>
#include <set>

#include "core/inputs/judged_inputs.h"
#include "core/plan/buffer_warnings.h"
#include "core/plan/number_warnings.h"
#include "core/plan/origin_warnings.h"
#include "core/plan/step_rows.h"
#include "core/recipe/inherited_metadata.h"
#include "core/recipe/layout_judge.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

// Parts may well come from one file, and so may slices.
std::vector<std::string> same_files(const Recipe& recipe, std::span<const Checkpoint> checkpoints) {
  std::vector<std::string> warnings;
  if (!recipe.roles.empty() || !recipe.operands.empty()) return warnings;
  const auto same = [](const InputFile& a, const InputFile& b) { return a.identity().same_file(b.identity()); };
  for (size_t k = 1; k < checkpoints.size(); ++k) {
    const auto earlier = std::ranges::find_if(checkpoints.first(k), [&](const Checkpoint& checkpoint) {
      return std::ranges::equal(checkpoint.shards, checkpoints[k].shards, same);
    });
    if (earlier != checkpoints.begin() + static_cast<ptrdiff_t>(k))
      warnings.push_back(earlier->path + " and " + checkpoints[k].path + " are the same " +
                         (earlier->lies_in_memory()    ? "tensors"
                          : earlier->shards.size() > 1 ? "files"
                                                       : "file"));
  }
  return warnings;
}

std::vector<std::string> nothing_merged(const Plan& plan, std::span<const Checkpoint> checkpoints, bool strangers) {
  std::vector<std::string> warnings;
  if (!plan.recipe.operands.empty()) return warnings;  // layers of others are in the first one's place
  const auto from_first = [&](const Step& step) {
    return step.program == Step::kCopy && step.expansion == Step::kWhole && plan.source(step).checkpoint == 0;
  };
  if (strangers)
    warnings.emplace_back(
        "the checkpoints have no tensor name in common; nothing is merged, their tensors are put into one file");
  if (checkpoints.size() > 1 && std::ranges::all_of(plan.steps, from_first))
    warnings.push_back("nothing is merged: every tensor of the output is that of " + checkpoints[0].path);
  return warnings;
}

std::vector<std::string> unconverted(const Plan& plan) {
  const auto opaque =
      std::ranges::count_if(plan.steps, [](const Step& step) { return info(step.dtype).kind == DtypeKind::opaque; });
  if (!plan.recipe.dtype || opaque == 0) return {};
  return {counted(opaque, "tensor") + (opaque == 1 ? " keeps its dtype" : " keep their dtypes") +
          ", for which no conversion is defined"};
}

std::vector<std::string> undrawn(const Plan& plan) {
  if (plan.recipe.rounding == RoundingPolicy::nearest ||
      std::ranges::any_of(plan.steps, [&](const Step& step) { return draws(plan, step); }))
    return {};
  return {
      "nothing is rounded stochastically: every tensor is copied, or stored with 32 bits and more (--dtype bf16, f16, "
      "f8_e4m3 or f8_e5m2)"};
}

// Where programs that people use refuse a file of this form with these dtypes.
void warn_about_form_dtypes(Plan& plan) {
  const DtypeRule& rule = plan.recipe.form->is_read;
  if (!rule.takes) return;
  std::set<std::string> names;
  for (const Step& step : plan.steps)
    if (!rule.takes(step.dtype)) names.insert(info(step.dtype).name);
  std::string list;
  for (const std::string& name : names) list += (list.empty() ? "" : ", ") + name;
  if (!list.empty()) plan.warnings.push_back(rule.before + list + rule.behind);
}

}  // namespace

void add_warnings(Plan& plan, std::span<const std::string> warnings) {
  for (const std::string& warning : warnings)
    if (std::ranges::find(plan.warnings, warning) == plan.warnings.end()) plan.warnings.push_back(warning);
}

void warn_about(Plan& plan, std::span<const Checkpoint> checkpoints, std::span<const std::string> of_inputs,
                bool strangers) {
  add_warnings(plan, same_files(plan.recipe, checkpoints));
  add_warnings(plan, of_inputs);
  add_warnings(plan, nothing_merged(plan, checkpoints, strangers));
  add_warnings(plan, unconverted(plan));
  add_warnings(plan, undrawn(plan));
  add_warnings(plan, judgement_warnings(plan.recipe, checkpoints));
  add_warnings(plan, buffer_warnings(plan, checkpoints));
  add_warnings(plan, metadata_warnings(plan.recipe, checkpoints));
  add_warnings(plan, inheritance_warnings(plan.recipe, checkpoints));
  add_warnings(plan, origin_warnings(plan, checkpoints));
  if (plan.recipe.formula || !plan.coefficients.empty()) {  // else it is a graph that no recipe has
    add_warnings(plan, extrapolation_warnings(plan.recipe, checkpoints));
    add_warnings(plan, weight_warnings(plan, checkpoints));
  }
  warn_about_form_dtypes(plan);
}

}  // namespace ckmerge
