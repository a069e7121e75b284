// SPDX-License-Identifier: Apache-2.0
// The part that a file as a whole is, where its names have no prefix that says it: a unet, a VAE or an encoder alone.
#pragma once

#include <optional>

#include "core/names/part.h"
#include "io/table/checkpoint.h"

namespace ckmerge {

/// By the components that its names tell, and of what is no family by what `ckmerge list` calls it. Empty for a
/// checkpoint whose names tell parts, for one of several, and for what is not known.
std::optional<Part> whole_part(const Checkpoint& checkpoint);

/// By its names, in whichever naming and behind whichever prefix.
bool is_vae_alone(const Checkpoint& checkpoint);

/// Whether `other` is, and `first` holds what is no VAE: it is meant to be baked in.
bool is_vae_for_model(const Checkpoint& first, const Checkpoint& other);

}  // namespace ckmerge
