// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/formula/formula_fault.h"

namespace ckmerge {

/// `a` and `b` with + - * or / between them, which stands at `place`. Throws Error(usage) where b divides and is zero,
/// and where the result is not finite.
double computed(FormulaPlace place, double a, char sign, double b);

}  // namespace ckmerge
