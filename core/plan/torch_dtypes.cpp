// SPDX-License-Identifier: Apache-2.0
#include "core/plan/torch_dtypes.h"

#include <algorithm>
#include <set>

#include "io/text/error.h"
#include "io/text/sentence.h"
#include "io/torch/torch_pickle.h"

namespace ckmerge {

void check_torch_dtypes(const Plan& plan, std::span<const Checkpoint> checkpoints) {
  if (plan.recipe.format != FileFormat::ckpt) return;
  std::vector<std::string> lines;
  for (const Step& step : plan.steps)
    if (!torch_storage(step.dtype))
      lines.push_back(sentence(checkpoints[step.named.checkpoint].tensors[step.named.tensor].name, ": would be ",
                               info(step.dtype).name));
  if (lines.empty()) return;
  const size_t count = lines.size();
  throw Error(ErrorCode::mismatch, "",
              sentence(count, count == 1 ? " tensor has" : " tensors have",
                       " a dtype that a .ckpt cannot hold for every torch since 1.6; store floats in another (--dtype "
                       "f16), --discard integers, or write a .safetensors"),
              std::move(lines));
}

void warn_about_torch_dtypes(Plan& plan) {
  if (plan.recipe.format != FileFormat::ckpt) return;
  std::set<std::string> names;
  for (const Step& step : plan.steps)
    if (!is_known_to_a1111(step.dtype)) names.insert(info(step.dtype).name);
  std::string list;
  for (const std::string& name : names) list += (list.empty() ? "" : ", ") + name;
  if (!list.empty())
    plan.warnings.push_back("older versions of A1111 refuse a .ckpt that holds " + list +
                            "; F16 and F32 are taken by all (--dtype f16), and so is any .safetensors");
}

}  // namespace ckmerge
