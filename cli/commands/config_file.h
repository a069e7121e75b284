// SPDX-License-Identifier: Apache-2.0
// --config: A1111 keeps a model's configuration beside it, in a .yaml of the same name, and its merger copies that of
// one of the inputs to the result's (modules/extras.py, create_config).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/options/settings.h"

namespace ckmerge::cli {

/// A copy that is due when the result is in place.
struct ConfigCopy {
  std::string from, to;
};

/// What `source` comes to for these inputs and output; empty where nothing is copied. `automatic` is the first of A, B
/// and C that has one; of one that a link leads to out of the model's folder, where a stranger's link might lead
/// anywhere, a warning is left. Throws Error(usage) for an input that is not there, one that is named and has none, or
/// only such a link; Error(usage | io) for what may not be written.
std::optional<ConfigCopy> config_copy(ConfigSource source, const std::vector<std::string>& inputs,
                                      const std::string& output, bool replace, std::vector<std::string>& warnings);

/// Copies it to beside `output`, which is complete, as the error then says. Throws Error(io | usage | resources).
void copy_config(const ConfigCopy& copy, const std::string& output, const RunOptions& options);

}  // namespace ckmerge::cli
