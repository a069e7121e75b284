// SPDX-License-Identifier: Apache-2.0
#include "cli/operands/checkpoint_words.h"

#include <algorithm>
#include <string_view>

namespace ckmerge::cli {

std::vector<std::string*> checkpoint_words(Request& request) {
  std::vector<std::string*> words;
  if (spec_of(request.command).operands == WordKind::checkpoint)
    for (std::string& operand : request.operands)
      if (request.command != Command::convert || words.empty()) words.push_back(&operand);  // its second is written
  for (Component& component : request.settings.components) words.push_back(&component.path);
  for (AdapterWord& adapter : request.settings.adapters) words.push_back(&adapter.path);
  return words;
}

// Names are letters, digits and underscores, so that what stands in front of another = is part of a path.
size_t path_in(const std::string& word, const Request& request) {
  const bool may_have_names = request.command == Command::run || request.settings.recipe.formula;
  const size_t equals = may_have_names ? word.find('=') : word.npos;
  const auto is_of_name = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  if (equals == word.npos || equals == 0) return 0;
  return std::ranges::all_of(std::string_view(word).substr(0, equals), is_of_name) ? equals + 1 : 0;
}

}  // namespace ckmerge::cli
