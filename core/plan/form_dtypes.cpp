// SPDX-License-Identifier: Apache-2.0
#include "core/plan/form_dtypes.h"

#include <algorithm>
#include <set>

#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {

void check_form_dtypes(const Plan& plan, std::span<const Checkpoint> checkpoints) {
  const DtypeRule& rule = plan.recipe.form->stores;
  if (!rule.takes) return;
  std::vector<std::string> lines;
  for (const Step& step : plan.steps)
    if (!rule.takes(step.dtype))
      lines.push_back(sentence(checkpoints[step.named.checkpoint].tensors[step.named.tensor].name, ": would be ",
                               info(step.dtype).name));
  if (lines.empty()) return;
  const size_t count = lines.size();
  throw Error(ErrorCode::mismatch, "", sentence(count, count == 1 ? " tensor has " : " tensors have ", rule.before),
              std::move(lines));
}

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

}  // namespace ckmerge
