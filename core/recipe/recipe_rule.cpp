// SPDX-License-Identifier: Apache-2.0
#include "core/recipe/recipe_rule.h"

#include <map>

#include "io/text/sentence.h"

namespace ckmerge {

std::vector<std::string> labels_of(std::span<const RecipeRule> rules) {
  struct Alike {
    size_t all = 0, seen = 0;
  };
  std::map<std::vector<std::string>, Alike> known;
  for (const RecipeRule& rule : rules) ++known[rule.match].all;
  std::vector<std::string> labels;
  for (const RecipeRule& rule : rules) {
    std::string selectors;
    for (const std::string& selector : rule.match) selectors += (selectors.empty() ? "" : ", ") + selector;
    Alike& alike = known[rule.match];
    ++alike.seen;
    labels.push_back(sentence("rule '", selectors, "'", alike.all > 1 ? sentence(" (", ordinal(alike.seen), ")") : ""));
  }
  return labels;
}

}  // namespace ckmerge
