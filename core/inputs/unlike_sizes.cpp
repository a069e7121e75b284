// SPDX-License-Identifier: Apache-2.0
#include "core/inputs/unlike_sizes.h"

#include <cstddef>
#include <vector>

#include "core/families/told_component.h"
#include "core/inputs/brought_component.h"
#include "core/inputs/naming_path.h"
#include "core/inputs/naming_trial.h"
#include "io/text/sentence.h"

namespace ckmerge {

std::optional<Error> unlike_sizes(const Checkpoint& first, const Checkpoint& other) {
  const std::vector<ToldComponent> own = told_components(first.tensors), all = told_components(other.tensors);
  for (const ToldComponent& theirs : all) {
    for (const ToldComponent& one : own) {
      const std::vector<NamingStep> path = naming_path(*theirs.family, theirs.naming(), one.naming());
      if (!are_one_family(one, theirs) || path.empty()) continue;
      const Destination to{.prefix = one.prefix,
                           .naming = one.naming(),
                           .wanted_prefix = one.prefix,
                           .not_behind = prefixes_inside(all, theirs.prefix)};
      std::vector<std::string> lines = NamingTrial(first, other, theirs, path, to).unlike();
      if (lines.empty()) continue;
      const size_t count = lines.size();
      return Error(
          ErrorCode::mismatch, other.path,
          sentence("both checkpoints are ", theirs.family->name, ", ", first.path, " in the naming ",
                   name(one.naming()), ", ", other.path, " in ", name(theirs.naming()), ", and ",
                   counted(count, "tensor"), count == 1 ? " has" : " have", " another shape; merge models of one size"),
          std::move(lines));
    }
  }
  return std::nullopt;
}

}  // namespace ckmerge
