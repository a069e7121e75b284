// SPDX-License-Identifier: Apache-2.0
// What the fields of core/recipe/layout_fields.h have against a merge: inputs that contradict each other in them do not
// fit together.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "core/recipe/recipe.h"
#include "io/table/checkpoint.h"

namespace ckmerge {

/// What the fields have against a merge, one line each, and what its user should know of it.
struct LayoutVerdict {
  std::vector<std::string> faults, warnings;
};

/// Judges `checkpoints`, which are merged by a method that looks at whole tensors where `needs_whole_tensors`.
LayoutVerdict judge_layout_fields(const Recipe& recipe, std::span<const Checkpoint> checkpoints,
                                  bool needs_whole_tensors);

}  // namespace ckmerge
