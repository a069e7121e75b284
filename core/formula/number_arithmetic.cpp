// SPDX-License-Identifier: Apache-2.0
#include "core/formula/number_arithmetic.h"

#include <cmath>

#include "core/recipe/number_sign.h"

namespace ckmerge {

double computed(FormulaPlace place, double a, char sign, double b) {
  if (sign == '/' && b == 0) refuse_at(place, "this divides by zero");
  const double result = arithmetic(a, sign, b);
  if (!std::isfinite(result)) refuse_at(place, "the result of this is larger than 64 bits can hold");
  return result;
}

}  // namespace ckmerge
