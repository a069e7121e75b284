// SPDX-License-Identifier: Apache-2.0
// What is wrong with a formula, and where: line, column, the line itself and a caret below it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace ckmerge {

/// Throws Error(usage) about the byte `at` of `text`: "formula:LINE:COLUMN: SENTENCE", columns counted in characters
/// from 1; the details are the line, or what of a long one lies around the fault, and a caret.
[[noreturn]] void refuse_at(std::string_view text, size_t at, const std::string& sentence);

}  // namespace ckmerge
