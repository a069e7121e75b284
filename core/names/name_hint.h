// SPDX-License-Identifier: Apache-2.0
// Why two checkpoints have no name in common: most often one of them carries a prefix.
#pragma once

#include <string>

#include "io/table/tensor_table.h"

namespace ckmerge {

/// A clause that says which prefix would make names of `a` and `b` match and how many, or an empty string. `a_path` and
/// `b_path` are what to call them. Looks at a few names of each, so its cost stays linear.
std::string prefix_hint(const TensorTable& a, const std::string& a_path, const TensorTable& b,
                        const std::string& b_path);

}  // namespace ckmerge
