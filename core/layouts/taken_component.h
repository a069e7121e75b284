// SPDX-License-Identifier: Apache-2.0
// A component of a pipeline as a checkpoint of its own: what is done to names there is done to no other component's.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "io/table/checkpoint.h"

namespace ckmerge {

/// Whether any tensor's name has `component` and a dot in front. REQUIRES: the table is sorted.
bool has_component(const TensorTable& tensors, const std::string& component);

/// Calls `bring` for each of `components` that both checkpoints have, with the tensors of it alone, whose names have no
/// component in front; the two have no files. What it makes of their tables, and what it notes, becomes theirs.
void bring_components(Checkpoint& first, Checkpoint& other, std::span<const std::string> components,
                      const std::function<void(Checkpoint& first, Checkpoint& other)>& bring);

}  // namespace ckmerge
