// SPDX-License-Identifier: Apache-2.0
// Methods and their parameters as `methods --json` tells them (docs/cli.md).
#pragma once

#include <span>

#include "io/text/json_writer.h"
#include "kernels/method.h"

namespace ckmerge::cli {

JsonWriter methods_json(std::span<const MethodSpec* const> specs);

/// The member "methods" of another document.
void write_methods(JsonWriter& json, std::span<const MethodSpec* const> specs);

}  // namespace ckmerge::cli
