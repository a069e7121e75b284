// SPDX-License-Identifier: Apache-2.0
// An entry of "weights" in `ckmerge.recipe`, written and read (docs/format.md).
#pragma once

#include <string>

#include "core/recipe/weight_rule.h"
#include "io/text/json_value.h"

namespace ckmerge {

void append_json(std::string& out, const WeightRule& rule);

/// Throws Error(malformed) that names what is wrong.
WeightRule parse_weight_rule(const JsonValue& value);

}  // namespace ckmerge
