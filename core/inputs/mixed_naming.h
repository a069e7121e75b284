// SPDX-License-Identifier: Apache-2.0
// A component in two namings: most of its tensors are called as one naming has it, and some as another does.
#pragma once

#include <span>
#include <string>

#include "core/families/told_component.h"
#include "io/table/checkpoint.h"

namespace ckmerge {

/// Notes tensors of `component` that only another of its family's namings knows; names behind `not_behind` are of other
/// components. Throws Error(mismatch) where some of them are there by the component's own naming, too. Linear in the
/// names, for each naming.
void expect_one_naming(Checkpoint& checkpoint, const ToldComponent& component, std::span<const std::string> not_behind);

}  // namespace ckmerge
