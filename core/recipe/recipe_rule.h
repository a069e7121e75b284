// SPDX-License-Identifier: Apache-2.0
// What becomes of some of the tensors, in place of what becomes of all: a formula, nothing, a dtype.
#pragma once

#include <string>
#include <vector>

namespace ckmerge {

struct RecipeRule {
  std::vector<std::string> match = {};  ///< selectors (core/blocks/block_selector.h); one of them has to fit
  std::string formula = {};             ///< empty: it does not say what is computed
  bool drop = false;                    ///< the tensors are not in the output; there is no formula then
  std::string dtype = {};               ///< as --dtype takes it; empty: it does not say what they are stored as

  bool says_what_is_computed() const { return drop || !formula.empty(); }

  friend bool operator==(const RecipeRule&, const RecipeRule&) = default;
};

/// "rule 'OUT*, /attn2/'", as messages call it.
std::string text_of(const RecipeRule& rule);

}  // namespace ckmerge
