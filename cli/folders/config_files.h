// SPDX-License-Identifier: Apache-2.0
// What lies in a folder of diffusers beside weights: configs, tokenizers, the scheduler.
#pragma once

#include <string>
#include <vector>

namespace ckmerge::cli {

/// The files of `folder` and of its sub-folders that hold no weights, relative to it, by name. Throws Error(usage)
/// where it is no folder or holds none, or one that is too large for a config.
std::vector<std::string> config_files(const std::string& folder);

/// What a config says. Throws Error(io), Error(malformed) where it is too large for one.
std::string config_text(const std::string& file);

/// Writes `text`, or what the file `from` holds, as the new file `to`, whose folder is synced when it is in place.
/// Throws as OutputFile does.
void write_text(const std::string& to, const std::string& text, bool sync);
void copy_file(const std::string& from, const std::string& to, bool sync);

}  // namespace ckmerge::cli
