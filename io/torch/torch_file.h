// SPDX-License-Identifier: Apache-2.0
// Checkpoints of PyTorch (.ckpt .pt .pth .bin): the zip form of every torch since 1.6, and the stream before it. Both
// are a pickle that describes tensors and, beside it, their storages as raw bytes, which are mapped where they lie.
#pragma once

#include <cstddef>
#include <span>

#include "io/table/checkpoint.h"

namespace ckmerge {

/// Each fills `checkpoint` from its only shard. Throws Error(malformed | mismatch | usage) without the path.
void read_torch_zip(Checkpoint& checkpoint, const OpenOptions& options);
void read_torch_stream(Checkpoint& checkpoint, const OpenOptions& options);

/// A pickle that is no checkpoint: throws, and names whose it is and what it would run in Python. With
/// options.as_stored it fills checkpoint.globals and notes instead.
void read_plain_pickle(Checkpoint& checkpoint, const OpenOptions& options);

/// Whether a file begins as each of them does: as a zip archive; as a pickle of torch's magic number; as any pickle, of
/// protocol 2 or later, or one of the first two that begins with the name of a function. The length of a safetensors
/// header can look like the first and the last.
bool begins_torch_zip(std::span<const std::byte> first_bytes);
bool begins_torch_stream(std::span<const std::byte> first_bytes);
bool begins_pickle(std::span<const std::byte> first_bytes);

}  // namespace ckmerge
