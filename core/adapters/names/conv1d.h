// SPDX-License-Identifier: Apache-2.0
// Weights of GPT-2 and its kin that lie as (in, out), in modules that transformers calls Conv1D.
#pragma once

#include <functional>
#include <string_view>

#include "io/table/checkpoint.h"

namespace ckmerge {

/// Whether the tensor called `name` is one of them. `beside`: the shape of a tensor of the same model; empty where
/// there is none of that name.
bool is_conv1d(std::string_view name, const std::function<Shape(std::string_view)>& beside);

}  // namespace ckmerge
