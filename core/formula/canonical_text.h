// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "core/formula/expression.h"

namespace ckmerge {

/// `formula` as it is recorded: blanks and parentheses where they belong, numbers in their shortest form, parameters in
/// the method's order, and those that it leaves open with their defaults. It reads back as the same formula.
/// REQUIRES: its methods and parameters were checked (read_formula()).
std::string canonical_text(const Expression& formula);

}  // namespace ckmerge
