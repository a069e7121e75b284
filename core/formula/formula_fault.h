// SPDX-License-Identifier: Apache-2.0
// What is wrong with a formula, and where: line, column, the line itself and a caret below it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace ckmerge {

/// A text and what messages call it: "formula", or the name that stands for it in others.
struct FormulaText {
  std::string_view label = "formula";
  std::string_view text = {};
};

/// A byte of a text that outlives this.
struct FormulaPlace {
  const FormulaText* in = nullptr;
  size_t at = 0;
};

/// Throws Error(usage): "formula:LINE:COLUMN: SENTENCE", columns counted in characters from 1; the details are the
/// line, or what of a long one lies around the fault, and a caret. REQUIRES: place.in.
[[noreturn]] void refuse_at(FormulaPlace place, const std::string& what);

}  // namespace ckmerge
