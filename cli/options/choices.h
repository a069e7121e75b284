// SPDX-License-Identifier: Apache-2.0
// Words out of a short list: policies, shells, ways of showing progress.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/recipe/recipe.h"

namespace ckmerge::cli {

/// Where `word` is in `choices`. Throws Error(usage) that names `option`, lists the choices and suggests the nearest.
size_t choice_index(const std::string& option, std::string_view word, const std::vector<std::string>& choices);

/// A value of one of the recipe's policies (core/recipe/recipe.h).
template <typename Policy>
Policy parse_policy(const std::string& option, std::string_view word) {
  const auto names = policy_names<Policy>();
  return static_cast<Policy>(choice_index(option, word, {names.begin(), names.end()}));
}

}  // namespace ckmerge::cli
