// SPDX-License-Identifier: Apache-2.0
// What the tensors of a checkpoint are called in a merge, where that is not what its file calls them: those of a VAE
// that is baked in, and of separate files that are put together. Renaming tables is all it takes; the plan sees no
// difference, and no byte is moved.
#pragma once

#include <string>
#include <vector>

#include "core/recipe/recipe.h"
#include "io/table/checkpoint.h"

namespace ckmerge {

/// Renames the tensors of `checkpoints`, as they were opened, to what `recipe` is planned with. A recipe without roles
/// or a VAE leaves them alone. Returns a sentence for what was left out. Throws Error(usage | mismatch): another number
/// of checkpoints than of roles, a unet of unknown layout, an encoder that has no place in it, a part that is empty.
std::vector<std::string> name_components(const Recipe& recipe, std::vector<Checkpoint>& checkpoints);

}  // namespace ckmerge
