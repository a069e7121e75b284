// SPDX-License-Identifier: Apache-2.0
// Merge methods by the names that people type.
#pragma once

#include <string>

#include "kernels/method.h"

namespace ckmerge::cli {

/// The merge method called `name`. Throws Error(usage) about `where` that suggests the nearest, or lists all.
const MethodSpec& method_called(const std::string& where, const std::string& name);

}  // namespace ckmerge::cli
