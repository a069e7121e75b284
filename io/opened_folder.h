// SPDX-License-Identifier: Apache-2.0
// A folder as a checkpoint: a model in one file or several shards, or a pipeline of components.
#pragma once

#include <optional>
#include <string>

#include "io/table/checkpoint.h"

namespace ckmerge {

/// Opens what the loader of the folder's kind would read. Names of a pipeline's components have the component in front.
/// Throws Error with the path in front, of the folder or of a file in it.
Checkpoint open_folder(const std::string& path, const OpenOptions& options);

/// The same of the folder of which `path` is an index or one of several shards; none where it is a file by itself.
std::optional<Checkpoint> open_whole(const std::string& path, const OpenOptions& options);

}  // namespace ckmerge
