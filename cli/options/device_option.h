// SPDX-License-Identifier: Apache-2.0
// --device: who computes.
#pragma once

#include <string_view>

#include "cli/options/option.h"

namespace ckmerge::cli {

/// `auto`, `cpu`, `cuda`, `cuda:0`, `cuda:0,2`. Throws Error(usage).
DeviceOptions parse_device(std::string_view text);

Reader read_device();

}  // namespace ckmerge::cli
