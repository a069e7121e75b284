// SPDX-License-Identifier: Apache-2.0
// Names that differ in numbers alone: those of one module in each layer, or of one tensor of each expert.
#pragma once

#include <string>
#include <string_view>

namespace ckmerge {

/// `name` with `#` for each of its parts, between dots, that is a number: "model.layers.#.norm".
std::string with_any_numbers(std::string_view name);

}  // namespace ckmerge
