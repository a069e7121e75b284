// SPDX-License-Identifier: Apache-2.0
#include "core/plan/step_list.h"

#include <algorithm>

#include "io/text/error.h"

namespace ckmerge {

void StepList::add(Step step) {
  const Tensor tensor = tensor_of(step.named);
  const auto taken = static_cast<uint32_t>(plan_.sources.size());
  step.first_source = sources_taken_;
  step.source_count = taken - sources_taken_;
  step.size = step.dtype == tensor.dtype ? tensor.size : tensor.count * element_size(step.dtype);
  for (uint32_t s = step.first_source; s < taken; ++s) {
    const Source source = plan_.sources[s];
    const bool again = s > step.first_source && plan_.sources[step.first_source].checkpoint == source.checkpoint;
    if (!again) plan_.bytes_to_read += tensor_of(source).size;
  }
  sources_taken_ = taken;
  plan_.steps.push_back(step);
}

uint16_t StepList::expansion(const Expansion& wanted) {
  const auto known = std::ranges::find(plan_.expansions, wanted);
  const auto index = static_cast<uint16_t>(known - plan_.expansions.begin());
  if (known != plan_.expansions.end()) return index;
  // One per shape and program; a real checkpoint has one such tensor.
  if (plan_.expansions.size() == Step::kWhole)
    throw Error(ErrorCode::mismatch, "",
                "tensors of more than 65534 shapes have channels that only the first checkpoint has; --exclude some");
  plan_.expansions.push_back(wanted);
  return index;
}

}  // namespace ckmerge
