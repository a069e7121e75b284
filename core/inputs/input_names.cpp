// SPDX-License-Identifier: Apache-2.0
#include "core/inputs/input_names.h"

#include "core/inputs/common_spelling.h"
#include "core/inputs/component_names.h"
#include "core/inputs/renames.h"
#include "core/inputs/tied_heads.h"

namespace ckmerge {

std::vector<std::string> name_inputs(const Recipe& recipe, std::vector<Checkpoint>& checkpoints) {
  rename_tensors(recipe, checkpoints);
  bring_to_common_spelling(recipe, checkpoints);
  std::vector<std::string> warnings = untie_heads(recipe, checkpoints);
  for (std::string& note : name_components(recipe, checkpoints)) warnings.push_back(std::move(note));
  return warnings;
}

}  // namespace ckmerge
