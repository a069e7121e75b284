// SPDX-License-Identifier: Apache-2.0
// What becomes of some of the tensors, in place of what becomes of all: a formula, nothing, a dtype.
#pragma once

#include <span>
#include <string>
#include <vector>

namespace ckmerge {

struct RecipeRule {
  std::vector<std::string> match = {};  ///< selectors (core/blocks/block_selector.h); one of them has to fit
  std::string formula = {};             ///< what is computed; empty: it does not say so
  std::string copy = {};                ///< name of the checkpoint whose tensors are taken, integers and buffers too
  bool drop = false;                    ///< the tensors are not in the output; no formula and no copy then
  std::string dtype = {};               ///< as --dtype takes it; empty: it does not say what they are stored as

  bool has_result() const { return !formula.empty() || !copy.empty(); }
  bool says_what_is_computed() const { return drop || has_result(); }

  friend bool operator==(const RecipeRule&, const RecipeRule&) = default;
};

/// What messages call each of `rules`: "rule 'OUT*, /attn2/'", or "rule 'OUT*' (2nd)" where several have one match.
std::vector<std::string> labels_of(std::span<const RecipeRule> rules);

}  // namespace ckmerge
