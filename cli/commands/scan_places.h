// SPDX-License-Identifier: Apache-2.0
// The folders that the operands of `ckmerge scan` mean: a folder itself, the model folders of an A1111 or ComfyUI
// installation, or those that an extra_model_paths.yaml names.
#pragma once

#include <string>
#include <vector>

#include "io/registry/registry.h"

namespace ckmerge::cli {

struct ScanPlaces {
  std::vector<RegistryRoot> roots;    ///< real paths, each once
  std::vector<std::string> warnings;  ///< folders that a yaml names and that are not there
};

/// `home` stands for ~ in a yaml. Throws Error: io for a place that is not there, usage for one that is neither
/// folder nor yaml, malformed.
ScanPlaces scan_places(const std::vector<std::string>& named, const std::string& home);

}  // namespace ckmerge::cli
