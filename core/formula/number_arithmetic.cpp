// SPDX-License-Identifier: Apache-2.0
#include "core/formula/number_arithmetic.h"

#include <cmath>

#include "core/formula/formula_fault.h"

namespace ckmerge {

double computed(std::string_view text, size_t at, double a, char sign, double b) {
  if (sign == '/' && b == 0) refuse_at(text, at, "this divides by zero");
  const double result = sign == '+' ? a + b : sign == '-' ? a - b : sign == '*' ? a * b : a / b;
  if (!std::isfinite(result)) refuse_at(text, at, "the result of this is larger than 64 bits can hold");
  return result;
}

}  // namespace ckmerge
