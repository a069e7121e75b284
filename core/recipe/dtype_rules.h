// SPDX-License-Identifier: Apache-2.0
// What tensors of some names are stored as (Recipe::dtype_rules): /REGEX/=DTYPE, as --dtype takes it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/names/name_pattern_set.h"
#include "core/recipe/recipe.h"

namespace ckmerge {

/// Whether `text` is meant as such a rule: it begins with a slash.
inline bool is_dtype_rule(std::string_view text) { return text.starts_with('/'); }

class DtypeRules {
 public:
  /// Throws Error(usage) for a text that is no rule, a pattern that cannot be understood, an unknown dtype.
  explicit DtypeRules(const std::vector<std::string>& texts);

  /// What the last rule that matches `name` says; empty where none does.
  std::optional<PartDtype> of(std::string_view name);

  /// Whether one of them says another dtype than to keep what is stored.
  bool say_dtype() const;

  /// Throws Error(usage) for a rule that matched no name given to of().
  void expect_matched() const;

 private:
  std::vector<std::string> texts_;
  std::vector<PartDtype> dtypes_;  // by pattern
  std::vector<bool> matched_;
  NamePatternSet patterns_;
};

}  // namespace ckmerge
