// SPDX-License-Identifier: Apache-2.0
// JSON as Python's json module writes it, which has NaN, Infinity and -Infinity for numbers (configs of Mamba hold
// such), whole numbers of any size, and halves of the pairs that UTF-16 makes of characters.
#pragma once

#include <string>
#include <string_view>

#include "io/text/json_value.h"

namespace ckmerge {

/// As parse_json(), but for those: words become numbers that are spelled so, and halves are marked, for whoever writes
/// the value again.
JsonValue parse_python_json(std::string_view text, const JsonLimits& limits = {});

/// As json_text(), of a value that was read so.
std::string python_json_text(const JsonValue& value);

}  // namespace ckmerge
