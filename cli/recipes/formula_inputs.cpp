// SPDX-License-Identifier: Apache-2.0
#include "cli/recipes/formula_inputs.h"

#include <algorithm>
#include <utility>

#include "cli/system/text.h"
#include "core/formula/adapter_names.h"
#include "core/formula/tokens.h"
#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge::cli {
namespace {

constexpr size_t kLetters = 26;

using NamedPath = std::pair<std::string, std::string>;

bool is_letter(const std::string& name) { return name.size() == 1 && name[0] >= 'A' && name[0] <= 'Z'; }

NamedPath named_path(const std::string& word, size_t k) {
  const size_t equals = word.find('=');
  const bool has_name = equals != word.npos && is_formula_name(std::string_view(word).substr(0, equals));
  if (has_name && equals + 1 == word.size())
    throw Error(ErrorCode::usage, word, "'" + word + "' names no file; give it as NAME=FILE");
  if (has_name) return {word.substr(0, equals), word.substr(equals + 1)};
  if (k >= kLetters)
    throw Error(ErrorCode::usage, word,
                word + " is the " + ordinal(k + 1) + " input, for which there is no letter; give it as NAME=FILE");
  return {letter(k), word};
}

}  // namespace

void name_inputs_of_formula(std::vector<std::string>& inputs, Formula& formula) {
  std::vector<NamedPath> named;
  for (const std::string& word : inputs) named.push_back(named_path(word, named.size()));
  if (std::ranges::all_of(named, is_letter, &NamedPath::first)) std::ranges::stable_sort(named, {}, &NamedPath::first);
  inputs.clear();
  for (auto& [name, path] : named) {
    formula.names.push_back(std::move(name));
    inputs.push_back(std::move(path));
  }
}

std::vector<std::string> take_adapters_of_formula(std::vector<std::string>& inputs, Recipe& recipe) {
  Formula& formula = *recipe.formula;
  const std::vector<std::string> called = adapter_names(formula, recipe.rules);
  std::vector<std::string> names, paths, adapters;
  for (size_t k = 0; k < formula.names.size(); ++k) {
    const bool is_adapter = std::ranges::find(called, formula.names[k]) != called.end();
    if (!is_adapter && !adapters.empty() && is_letter(formula.names[k]))
      throw Error(ErrorCode::usage, formula.names[k],
                  "the adapter " + called[0] + " has a letter before " + formula.names[k] +
                      ", which is a checkpoint; give adapters behind all checkpoints, or names (L=FILE)");
    if (is_adapter) {
      adapters.push_back(inputs[k]);
    } else {
      names.push_back(formula.names[k]);
      paths.push_back(inputs[k]);
    }
  }
  names.insert(names.end(), called.begin(), called.end());
  formula.names = std::move(names);
  inputs = std::move(paths);
  recipe.adapters.insert(recipe.adapters.begin(), adapters.size(), AdapterUse());
  return adapters;
}

}  // namespace ckmerge::cli
