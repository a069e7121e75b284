// SPDX-License-Identifier: Apache-2.0
// What the tensors of a language model tell of its sizes, against what a config.json says: whether it can be theirs.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/folders/model_changes.h"
#include "io/table/tensor_table.h"

namespace ckmerge {

/// A clause for each size of which `text`, a config.json, says another than `tensors` have that are
/// changed so: "hidden_size is 64 there, and 32 by the result's tensors". Throws Error(malformed) for what is no JSON.
std::vector<std::string> unlike_sizes(std::string_view text, const TensorTable& tensors, const ModelChanges& changes);

}  // namespace ckmerge
