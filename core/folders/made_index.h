// SPDX-License-Identifier: Apache-2.0
// model_index.json of a folder of diffusers that is made of a checkpoint.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "core/folders/folder_file.h"
#include "io/table/checkpoint.h"

namespace ckmerge {

/// The text of model_index.json for `files`, of the pipeline that `checkpoint` is of, where that is known by its model
/// and each of the files has a config; empty for any other. Tokenizers and the scheduler, and components without a
/// file, are null in it: programs take them from who loads the pipeline.
std::optional<std::string> made_index(std::span<const FolderFile> files, const Checkpoint& checkpoint);

}  // namespace ckmerge
