// SPDX-License-Identifier: Apache-2.0
// Operands made of slices, told to people and programs.
#pragma once

#include <string>

#include "core/recipe/recipe.h"
#include "io/text/json_writer.h"

namespace ckmerge::cli {

/// A line for each operand: "  A is layers 0..15 of A, 8..23 of B"; nothing where the inputs are the operands.
std::string slice_lines(const Recipe& recipe);

/// `slices`: an array for each operand.
void write_slices(JsonWriter& json, const Recipe& recipe);

}  // namespace ckmerge::cli
