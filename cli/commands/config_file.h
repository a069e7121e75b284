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
/// and C that has one. Throws Error(usage) for an input that is not there, one that is named and has none, and a file
/// that would be replaced without `replace`.
std::optional<ConfigCopy> config_copy(ConfigSource source, const std::vector<std::string>& inputs,
                                      const std::string& output, bool replace);

/// Copies it to beside `output`, which is complete, as the error then says. Throws Error(io | usage | resources).
void copy_config(const ConfigCopy& copy, const std::string& output, const RunOptions& options);

}  // namespace ckmerge::cli
