// SPDX-License-Identifier: Apache-2.0
// What to say of a formula that is well formed and means no checkpoint.
#pragma once

#include <string>

#include "core/formula/combination.h"
#include "core/recipe/merge_graph.h"
#include "core/recipe/recipe.h"

namespace ckmerge {

/// That no checkpoint of `formula` is called `name`, and what may have been meant.
std::string unknown_name_fault(const std::string& name, const Formula& formula);

/// That the whole formula is a delta.
std::string delta_fault(const Formula& formula);

/// That `sum` is neither checkpoint nor delta, and how to write what may have been meant. REQUIRES: !sum.type(graph).
std::string untyped_fault(const MergeGraph& graph, const Combination& sum, const Formula& formula);

}  // namespace ckmerge
