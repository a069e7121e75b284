// SPDX-License-Identifier: Apache-2.0
// Files of training on many devices that hold one rank's part of the weights, told by what is in the pickle.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "io/table/checkpoint.h"
#include "io/torch/state_dict.h"

namespace ckmerge {

/// "DTensor" or "ShardedTensor" where `value` is that class or a call that names it; else empty.
std::string_view piece_kind(const PickleValues& values, PickleRef value);

/// What a tensor of that kind is, and how whole ones are saved.
std::string piece_sentence(std::string_view kind);

/// Throws Error(mismatch) for a member of a state dict that is a part of a tensor, or FSDP's `_flat_param`.
void refuse_piece(const PickleValues& values, std::string_view name, PickleRef value);

/// Throws Error(mismatch) where tensors are the placeholders that DeepSpeed's ZeRO stage 3 leaves, whatever whole
/// buffers lie beside them; with options.as_stored it is a note.
void refuse_placeholders(const PickleValues& values, PickleRef top, std::span<const StateDict> taken,
                         const OpenOptions& options, Checkpoint& checkpoint);

}  // namespace ckmerge
