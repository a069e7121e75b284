// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "core/recipe/slice.h"
#include "io/text/json_value.h"

namespace ckmerge {

/// {"input":0,"layers":[8,24]}, and "run" where it is not the language model's.
void append_json(std::string& out, const Slice& slice);

/// Throws Error(malformed) for what is no slice.
Slice parse_slice(const JsonValue& value);

/// That operands are made of some of `inputs` checkpoints, and are not more than these. Throws Error(malformed).
void check_operands(std::span<const Slices> operands, size_t inputs);

}  // namespace ckmerge
