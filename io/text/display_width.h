// SPDX-License-Identifier: Apache-2.0
// How wide a terminal shows a character.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ckmerge {

/// Columns: 2 for what is wide or full-width (Unicode Standard Annex #11), 0 for marks that stand on the character
/// before them, else 1. What is ambiguous counts as 1, as terminals outside of East Asia have it.
size_t display_width(uint32_t code_point);

}  // namespace ckmerge
