// SPDX-License-Identifier: Apache-2.0
// Names that somebody meant who wrote a pattern that matches none.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "io/table/checkpoint.h"

namespace ckmerge {

/// "; did you mean 'model.out.bias'?" where `pattern` is no more than a name, with or without escapes and anchors, and
/// a name of `checkpoints` is near; else empty.
std::string near_pattern(std::string_view pattern, std::span<const Checkpoint> checkpoints);

}  // namespace ckmerge
