// SPDX-License-Identifier: Apache-2.0
// Inputs whose names are A's but for a prefix (`net.`, `pipe.dit.`, a bare unet beside a whole checkpoint) are brought
// to A's names.
#pragma once

#include "io/table/checkpoint.h"

namespace ckmerge {

/// Renames tensors of `other` where a single swap of prefixes brings nearly all of its names to those of `first`,
/// without a doubt: nearly none are equal as they are, every tensor has the shape of the one that it meets, and no
/// other swap would do as well. Where the first has `model.` doubled, its own names are shortened. Notes in each what
/// was done. REQUIRES: tables are sorted by name, and not empty.
void bring_to_common_spelling(Checkpoint& first, Checkpoint& other);

}  // namespace ckmerge
