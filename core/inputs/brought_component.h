// SPDX-License-Identifier: Apache-2.0
// A component of one checkpoint gets the naming and the prefix that another checkpoint has for it.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "core/families/told_component.h"
#include "core/inputs/naming_path.h"
#include "io/table/checkpoint.h"

namespace ckmerge {

struct Destination {
  std::string prefix;
  Naming naming = Naming::original;
  std::string wanted_prefix = {};            ///< of the first checkpoint's component, by which blocks are counted
  std::vector<std::string> not_behind = {};  ///< what belongs to other components
};

/// Names of a component are those behind its prefix that no other component's inside it are: the prefixes of those.
std::vector<std::string> prefixes_inside(std::span<const ToldComponent> all, const std::string& prefix);

/// Rewrites `theirs` of `other` as `first` has it; `path` is empty where the prefix alone differs. Returns what was
/// done, as a clause. Throws Error(mismatch) where there is no way between two namings, names that `first` has as well
/// would be lost by it, or rewrite() throws.
std::string bring_component(const Checkpoint& first, Checkpoint& other, const ToldComponent& theirs,
                            const std::vector<NamingStep>& path, const Destination& to);

}  // namespace ckmerge
