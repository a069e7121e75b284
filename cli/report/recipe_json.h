// SPDX-License-Identifier: Apache-2.0
// What was asked of a merge, as part of a JSON document: `method` and `parameters` to `hash` of docs/cli.md.
#pragma once

#include <vector>

#include "cli/report/report.h"
#include "io/text/json_writer.h"

namespace ckmerge::cli {

/// REQUIRES: the recipe's parameters were checked against the method's spec.
void write_recipe(JsonWriter& json, const MergeFacts& facts);

/// A flag, a number or a list.
void write_parameter_value(JsonWriter& json, ParameterKind kind, const std::vector<double>& value);

}  // namespace ckmerge::cli
