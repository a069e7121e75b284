// SPDX-License-Identifier: Apache-2.0
// The first checkpoints of Stable Diffusion name the tensors of their text encoder as the library of their day did.
// A1111, ComfyUI and others rename them when they load a file, and so do we: old and new files merge name by name.
#pragma once

#include "io/table/checkpoint.h"

namespace ckmerge {

/// Renames `cond_stage_model.transformer.X` to `cond_stage_model.transformer.text_model.X` for X beginning with
/// `embeddings.`, `encoder.` and `final_layer_norm.`, and adds a note that says how many. Throws Error(malformed) when
/// the checkpoint has both names of a tensor.
void rename_old_text_encoder(Checkpoint& checkpoint);

}  // namespace ckmerge
