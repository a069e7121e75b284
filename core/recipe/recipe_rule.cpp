// SPDX-License-Identifier: Apache-2.0
#include "core/recipe/recipe_rule.h"

namespace ckmerge {

std::string text_of(const RecipeRule& rule) {
  std::string selectors;
  for (const std::string& selector : rule.match) selectors += (selectors.empty() ? "" : ", ") + selector;
  return "rule '" + selectors + "'";
}

}  // namespace ckmerge
