// SPDX-License-Identifier: Apache-2.0
// --dtype, of all tensors (f16) and of parts (vae=f32, te=keep), and --half.
#pragma once

#include "cli/options/command_line.h"
#include "cli/options/faults.h"
#include "core/recipe/recipe.h"

namespace ckmerge::cli {

void read_dtypes(const CommandLine& line, Recipe& recipe, Faults& faults);

/// As --dtype and --half say it: ", stored as F16, vae as F32"; empty where nothing is said.
std::string dtypes_text(const Recipe& recipe);

}  // namespace ckmerge::cli
