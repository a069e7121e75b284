// SPDX-License-Identifier: Apache-2.0
// mergekit-pytorch's --tensor-union where it comes out otherwise than a recipe can say: a tensor that not all models
// have is merged there from those that have it, and is here the first one's.
#pragma once

#include <string>
#include <vector>

#include "core/mergekit/merge_tree.h"

namespace ckmerge {

/// Warnings. Throws Error(usage) where `normalize` is false and a tensor of a single model has a weight, with which
/// mergekit multiplies it. REQUIRES: inputs.is_flat.
std::vector<std::string> tensor_union_warnings(const MergekitInputs& inputs);

}  // namespace ckmerge
