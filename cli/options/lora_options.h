// SPDX-License-Identifier: Apache-2.0
// The options of `ckmerge lora` that no other command has.
#pragma once

#include <vector>

#include "cli/options/option.h"

namespace ckmerge::cli {

std::vector<OptionSpec> lora_options();

}  // namespace ckmerge::cli
