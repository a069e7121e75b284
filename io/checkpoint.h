// SPDX-License-Identifier: Apache-2.0
// Opening a checkpoint, of whatever form, in a file or in memory. Reads headers and pickles only, no tensor.
#pragma once

#include <span>
#include <string>

#include "io/memory/memory_tensors.h"
#include "io/table/checkpoint.h"

namespace ckmerge {

/// Opens a file of one of the forms that io/input_forms lists, told apart by content. Nothing in a pickle is run or
/// resolved; one that would run code in Python is refused all the same. A file that is something else (a Git-LFS
/// pointer, an HTML page, a TorchScript program, ...) is refused with its real kind. A folder of components, as
/// diffusers keeps a pipeline, is opened as one checkpoint whose names have the components in front (io/folder). Throws
/// Error with the path in front.
Checkpoint open_checkpoint(const std::string& path, const OpenOptions& options = {});

/// Lets the last of several share its names and shapes with the first, or the one before it, where they are the same:
/// snapshots of one model then cost 9 bytes a tensor each. Nothing else changes.
void share_names(std::span<Checkpoint> checkpoints);
/// The same of a file that is open, and is or will be `path`.
Checkpoint open_checkpoint(InputFile file, const std::string& path, const OpenOptions& options = {});

/// A checkpoint in memory, judged and named as a file is. Nothing is read. Throws Error(usage) for a description that
/// cannot be true, Error(mismatch) where all tensors are empty.
Checkpoint open_tensors(const MemoryTensors& tensors, const OpenOptions& options = {});

}  // namespace ckmerge
