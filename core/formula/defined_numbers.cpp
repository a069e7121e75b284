// SPDX-License-Identifier: Apache-2.0
#include "core/formula/defined_numbers.h"

#include <algorithm>
#include <deque>
#include <iterator>
#include <vector>

#include "core/formula/expression.h"
#include "core/formula/tokens.h"
#include "io/text/error.h"

namespace ckmerge {
namespace {

bool speaks_of(const Expression& expression, const std::string& name) {
  return (expression.kind == Expression::Kind::checkpoint && expression.name == name) ||
         std::ranges::any_of(expression.operands, [&](const Expression& one) { return speaks_of(one, name); });
}

// In front of = a name is a parameter's.
void add_names(const std::string& text, std::set<std::string>& names) {
  const FormulaText of{.text = text};
  for (Tokens tokens(of); tokens.next().kind != Token::Kind::end;)
    if (const Token token = tokens.take(); token.kind == Token::Kind::name && !tokens.next().is('='))
      names.emplace(token.text);
}

}  // namespace

double DefinedNumbers::take(Formula& formula, const std::string& name) {
  std::deque<FormulaText> texts;
  std::vector<DefinedName> known;
  size_t index = 0;
  for (bool is_found = false; !is_found; ++index) {
    const auto& [other, text] = formula.defined[index];
    is_found = other == name;
    if (!is_found && weighted_.contains(other)) continue;
    known.push_back(parse_formula(texts.emplace_back(FormulaText{.label = other, .text = text}), known));
    known.back().name = other;
  }
  const Expression& value = known.back().value;
  if (value.kind != Expression::Kind::number) {
    for (const std::string& other : weighted_)
      if (speaks_of(value, other))
        throw Error(ErrorCode::usage, "let",
                    "'" + name + "' has weights, and so has '" + other +
                        "', of which it speaks; give one of them a number of its own");
    throw Error(
        ErrorCode::usage, "let",
        "'" + name + "' has weights, and is a number in 'let' then, or arithmetic of numbers, as in " + name + ": 0.5");
  }
  for (const DefinedName& other : known)
    if (other.is_used) spoken_of_.insert(other.name);
  formula.defined.erase(std::next(formula.defined.begin(), static_cast<ptrdiff_t>(index) - 1));
  return value.number;
}

// From the last to the first, since names use those above them.
void DefinedNumbers::drop_unused(Formula& formula, std::span<const RecipeRule> rules) const try {
  std::set<std::string> used;
  add_names(formula.text, used);
  for (const RecipeRule& rule : rules) add_names(rule.formula, used);
  std::vector<std::pair<std::string, std::string>> kept;
  for (auto name = formula.defined.rbegin(); name != formula.defined.rend(); ++name) {
    if (used.contains(name->first))
      add_names(name->second, used);
    else if (spoken_of_.contains(name->first))
      continue;
    kept.push_back(*name);
  }
  std::ranges::reverse(kept);
  formula.defined = std::move(kept);
} catch (const Error&) {
  return;
}

}  // namespace ckmerge
