// SPDX-License-Identifier: Apache-2.0
#include "core/plan/input_names.h"

#include "core/plan/common_spelling.h"
#include "core/plan/component_names.h"
#include "core/plan/renames.h"
#include "core/plan/tied_heads.h"

namespace ckmerge {

std::vector<std::string> name_inputs(const Recipe& recipe, std::vector<Checkpoint>& checkpoints) {
  rename_tensors(recipe, checkpoints);
  bring_to_common_spelling(recipe, checkpoints);
  std::vector<std::string> warnings = untie_heads(recipe, checkpoints);
  for (std::string& note : name_components(recipe, checkpoints)) warnings.push_back(std::move(note));
  return warnings;
}

}  // namespace ckmerge
