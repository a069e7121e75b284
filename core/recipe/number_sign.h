// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace ckmerge {

/// `a` and `b` with `sign`, one of + - * /, between them; Inf or NaN where that is no number.
inline double arithmetic(double a, char sign, double b) {
  switch (sign) {
    case '+': return a + b;
    case '-': return a - b;
    case '*': return a * b;
    default: return a / b;
  }
}

}  // namespace ckmerge
