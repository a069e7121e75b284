// SPDX-License-Identifier: Apache-2.0
// How strong an adapter is in each tensor that it changes.
#pragma once

#include <string>
#include <vector>

#include "core/adapters/made_changes.h"
#include "core/recipe/recipe.h"
#include "io/table/checkpoint.h"

namespace ckmerge {

/// What `use` says for `tensors` of `first`, whose blocks its selectors speak of; `path` is the adapter's. Adds a
/// sentence for each selector that selects none of them. Throws Error(usage) for one that selects nothing in `first`.
StrengthOf strength_of(const AdapterUse& use, const Checkpoint& first, const std::string& path,
                       const std::vector<std::string>& tensors, std::vector<std::string>& warnings);

}  // namespace ckmerge
