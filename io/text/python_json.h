// SPDX-License-Identifier: Apache-2.0
// JSON as Python's json module writes it, which has NaN, Infinity and -Infinity for numbers (configs of Mamba hold
// such) and whole numbers of any size.
#pragma once

#include <string_view>

#include "io/text/json_value.h"

namespace ckmerge {

/// As parse_json(), but for those, which become numbers that are spelled so.
JsonValue parse_python_json(std::string_view text, const JsonLimits& limits = {});

}  // namespace ckmerge
