// SPDX-License-Identifier: Apache-2.0
// Whether a checkpoint is a VAE and nothing else.
#pragma once

#include "io/table/checkpoint.h"

namespace ckmerge {

/// By its names, in whichever naming and behind whichever prefix.
bool is_vae_alone(const Checkpoint& checkpoint);

/// Whether `other` is, and `first` holds what is no VAE: it is meant to be baked in.
bool is_vae_for_model(const Checkpoint& first, const Checkpoint& other);

}  // namespace ckmerge
