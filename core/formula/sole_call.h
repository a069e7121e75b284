// SPDX-License-Identifier: Apache-2.0
// A formula that says no more than a method says by itself.
#pragma once

#include <optional>
#include <string>

#include "core/formula/expression.h"
#include "core/recipe/method_defaults.h"

namespace ckmerge {

/// A method over all checkpoints of a merge in their order, and the parameters that were given.
struct SoleCall {
  std::string method;
  MethodParameters parameters;
};

/// How the checkpoint in place `k` is called where nobody gave it a name: A, B, ..., Z, input27, ...
std::string place_name(size_t k);

/// What `formula` calls, where it is the call of one method over checkpoints A, B, C, ... to the last of `names`, which
/// are place_name()s: such a formula is that method's merge. Else empty. REQUIRES: its methods and parameters were
/// checked (read_formula()).
std::optional<SoleCall> sole_call(const Expression& formula, std::span<const std::string> names);

/// The method that the formula `text` calls with checkpoints alone, whatever they are called; null where it says
/// anything else, or is no formula.
const MethodSpec* method_of_call(std::string_view text);

}  // namespace ckmerge
