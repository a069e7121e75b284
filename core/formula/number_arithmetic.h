// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string_view>

namespace ckmerge {

/// `a` and `b` with + - * or / between them, which stands at the byte `at` of the formula `text`. Throws Error(usage)
/// where b divides and is zero, and where the result is not finite.
double computed(std::string_view text, size_t at, double a, char sign, double b);

}  // namespace ckmerge
