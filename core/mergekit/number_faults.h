// SPDX-License-Identifier: Apache-2.0
// Numbers of a configuration that a method refuses, told at the place of the setting that gives them.
#pragma once

#include <string>

#include "core/mergekit/merge_shape.h"
#include "core/mergekit/place_names.h"

namespace ckmerge {

/// Throws Error(usage), with the place in the file `where`, for numbers that hold for a tensor and that its call
/// refuses: of several the first without which it would take them.
void expect_taken_numbers(const FlatTrees& trees, const PlaceNames& names, const std::string& where);

}  // namespace ckmerge
