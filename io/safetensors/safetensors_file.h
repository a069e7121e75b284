// SPDX-License-Identifier: Apache-2.0
// Checkpoints of safetensors: what io/input_forms asks of a file in this form.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "io/table/checkpoint.h"

namespace ckmerge {

/// Whether a file begins with a length that a header may have and the JSON's first character behind it.
bool begins_safetensors(std::span<const std::byte> first_bytes);

/// Fills `checkpoint` from its only shard. Throws Error(malformed) without the path.
void read_safetensors(Checkpoint& checkpoint, const OpenOptions& options);

/// The offset behind the header; none where the file cannot hold a header of the length that its first bytes tell.
std::optional<uint64_t> safetensors_tensors_begin(std::span<const std::byte> first_bytes, uint64_t file_size);

/// Whether the header is the one that the reference writer would make.
bool is_canonical_safetensors(const Checkpoint& checkpoint);

}  // namespace ckmerge
