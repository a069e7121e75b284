// SPDX-License-Identifier: Apache-2.0
// config.json of a component, made of its tensors' names and shapes in diffusers' naming.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "io/table/checkpoint.h"

namespace ckmerge {

/// The text of config.json for the component behind `prefix`, where its names and shapes tell all that diffusers cannot
/// guess; empty for any other. What a file does not show is as diffusers' published pipelines of the family have it.
/// Then `known` is what they do tell, in the same form, or empty.
std::optional<std::string> component_config(const Checkpoint& checkpoint, std::string_view prefix, std::string& known);

}  // namespace ckmerge
