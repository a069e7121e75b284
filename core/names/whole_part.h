// SPDX-License-Identifier: Apache-2.0
// The part that a file as a whole is, where its names have no prefix that says it: a unet, a VAE or an encoder alone.
#pragma once

#include <optional>

#include "core/names/part.h"
#include "io/table/checkpoint.h"

namespace ckmerge {

/// By what `ckmerge list` calls it. Empty for a checkpoint whose names tell parts, and for what is not known.
std::optional<Part> whole_part(const Checkpoint& checkpoint);

}  // namespace ckmerge
