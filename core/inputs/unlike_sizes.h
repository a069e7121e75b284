// SPDX-License-Identifier: Apache-2.0
// Checkpoints without a name in common that are one family all the same, of unlike sizes.
#pragma once

#include <optional>

#include "io/table/checkpoint.h"
#include "io/text/error.h"

namespace ckmerge {

/// A mismatch that says which family both are and how each is named, with the tensors whose shapes differ side by side;
/// none: they are of no common family. Linear in the names.
std::optional<Error> unlike_sizes(const Checkpoint& first, const Checkpoint& other);

}  // namespace ckmerge
