// SPDX-License-Identifier: Apache-2.0
#include "core/formula/adapter_names.h"

#include <algorithm>
#include <iterator>
#include <set>

#include "core/formula/tokens.h"
#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

void add_called(std::string_view text, std::set<std::string>& called) try {
  const FormulaText of{.text = text};
  Tokens tokens(of);
  for (Token word = tokens.take(); word.kind != Token::Kind::end; word = tokens.take()) {
    if (word.kind != Token::Kind::name || word.text != kAdapterCall || !tokens.next().is('(')) continue;
    tokens.take();
    if (tokens.next().kind == Token::Kind::name) called.emplace(tokens.next().text);
  }
} catch (const Error&) {
}

}  // namespace

std::vector<std::string> adapter_names(const Formula& formula, std::span<const RecipeRule> rules) {
  std::set<std::string> called;
  add_called(formula.text, called);
  for (const auto& [name, text] : formula.defined) add_called(text, called);
  for (const RecipeRule& rule : rules) add_called(rule.formula, called);
  std::vector<std::string> names;
  std::ranges::copy_if(formula.names, std::back_inserter(names),
                       [&](const std::string& name) { return called.contains(name); });
  return names;
}

size_t expect_adapters_last(const Formula& formula, std::span<const RecipeRule> rules) {
  const std::vector<std::string> adapters = adapter_names(formula, rules);
  const auto last = formula.names.end() - static_cast<ptrdiff_t>(adapters.size());
  for (auto name = formula.names.begin(); name != last; ++name)
    if (std::ranges::find(adapters, *name) != adapters.end())
      throw Error(
          ErrorCode::usage, *name,
          sentence(*name, " is an adapter, and stands before a checkpoint; give adapters behind all checkpoints"));
  return adapters.size();
}

}  // namespace ckmerge
