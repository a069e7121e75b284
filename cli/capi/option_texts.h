// SPDX-License-Identifier: Apache-2.0
// The value that a request has for an option, as the texts that a command line has for it.
#pragma once

#include <string>
#include <vector>

#include "cli/options/option.h"
#include "io/text/json_value.h"

namespace ckmerge::cli {

/// Numbers keep their text, true and false are those of flags, null is nothing, arrays and objects are what several
/// numbers, several texts, and NAME=VALUE are. A text is always taken as it is. Throws Error(usage) for what can stand
/// for no text of the option; what the texts mean is their reader's business.
std::vector<std::string> option_texts(const OptionSpec& option, const JsonValue& value);

}  // namespace ckmerge::cli
