// SPDX-License-Identifier: Apache-2.0
#include "core/plan/variance.h"

#include <algorithm>

#include "core/plan/step_rows.h"

namespace ckmerge {
namespace {

constexpr std::string_view kNames[] = {"running_var", "running_variance", "moving_var", "moving_variance", "_variance"};
constexpr std::string_view kOfJax = "batch_stats.", kVar = ".var";

bool names_variance(std::string_view name) {
  const std::string_view last = name.substr(name.rfind('.') + 1);
  if (std::ranges::find(kNames, last) != std::end(kNames)) return true;
  return name.find(kOfJax) != std::string_view::npos && name.ends_with(kVar);
}

}  // namespace

bool computes_variance(const Plan& plan, std::span<const Checkpoint> checkpoints, const Step& step) {
  return computes(plan, step) && names_variance(checkpoints[step.named.checkpoint].tensors[step.named.tensor].name);
}

}  // namespace ckmerge
