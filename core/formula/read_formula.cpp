// SPDX-License-Identifier: Apache-2.0
#include "core/formula/read_formula.h"

#include <algorithm>
#include <deque>
#include <optional>
#include <utility>

#include "core/formula/adapter_names.h"
#include "core/formula/canonical_text.h"
#include "core/formula/expression.h"
#include "core/formula/tokens.h"
#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

// Adapters, the last, may be called by any letter: what is theirs is never told by it alone.
void check_names(std::span<const std::string> names, size_t adapters) {
  const auto refuse = [](const std::string& name, const auto&... parts) {
    throw Error(ErrorCode::usage, name, sentence("the name '", name, "' ", parts...));
  };
  for (size_t k = 0; k < names.size(); ++k) {
    const std::string& name = names[k];
    if (!is_formula_name(name))
      refuse(name, "cannot stand in a formula: names are letters, digits and underscores, no digit first");
    if (std::ranges::find(names.first(k), name) != names.begin() + static_cast<ptrdiff_t>(k))
      refuse(name, "is given to two checkpoints");
  }
  for (size_t k = 0; k < names.size() - adapters; ++k) {
    const std::string& name = names[k];
    const bool is_letter = name.size() == 1 && name[0] >= 'A' && name[0] <= 'Z';
    if (is_letter && static_cast<size_t>(name[0] - 'A') != k)
      refuse(name, "is that of another checkpoint: this one, the ", ordinal(k + 1), " that is given, is ",
             k < 26 ? std::string(1, static_cast<char>('A' + k)) : "no letter",
             " in reports and options; call it so, or by a longer name; or, if it is an adapter, add it as lora(", name,
             ")");
  }
}

[[noreturn]] void refuse_name(const std::string& name, const std::string& what) {
  throw Error(ErrorCode::usage, name, sentence("the name '", name, "' ", what));
}

// Besides the checkpoints' names, which are checked.
void check_free_name(const std::string& name, const Formula& formula) {
  if (!is_formula_name(name)) refuse_name(name, "cannot stand in a formula");
  if (std::ranges::find(formula.names, name) != formula.names.end()) refuse_name(name, "is a checkpoint's");
}

// The formulas of a recipe while they are read: its own, if it has one, and those of its rules.
class Reading {
 public:
  Reading(const Formula& formula, const FormulaNumbers& numbers, std::span<const RecipeRule> rules)
      : formula_(formula), numbers_(numbers), rules_(rules), labels_(labels_of(rules)) {}

  // Names for expressions, where there are any, are written out first: what is wrong is found while they stand there,
  // since their places are known; what they come to is then read as any other text, so that a recorded formula reads
  // back as itself.
  ReadFormula run(MergeGraph graph) {
    check_names(formula_.names, expect_adapters_last(formula_, rules_));
    for (const auto& [name, number] : numbers_) check_free_name(name, formula_);
    if (formula_.defined.empty()) return read({}, std::move(graph));
    std::vector<DefinedName> defined;
    for (const auto& [name, text] : formula_.defined) define(name, text, defined);
    const ReadFormula written = read(defined, graph);
    for (const DefinedName& name : defined)
      if (!name.is_used) refuse_name(name.name, "is not used; take it away, or use it");
    std::vector<RecipeRule> rules(rules_.begin(), rules_.end());
    for (size_t i = 0; i < rules.size(); ++i)
      if (rules[i].copy.empty()) rules[i].formula = written.rules[i];
    return Reading({.text = written.text, .names = formula_.names}, numbers_, rules).run(std::move(graph));
  }

 private:
  void define(const std::string& name, const std::string& text, std::vector<DefinedName>& defined) {
    check_free_name(name, formula_);
    if (numbers_.contains(name) || std::ranges::find(defined, name, &DefinedName::name) != defined.end())
      refuse_name(name, "is given twice");
    DefinedName next = parse_formula(texts_.emplace_back(FormulaText{name, text}), defined);
    next.name = name;
    defined.push_back(std::move(next));
  }

  ReadFormula read(std::span<DefinedName> defined, MergeGraph graph) {
    TermBuilder builder(graph, formula_.names, expect_adapters_last(formula_, rules_), numbers_);
    ReadFormula out;
    std::vector<TermId> results;
    if (!formula_.text.empty() || rules_.empty()) {
      const FormulaText& text = texts_.emplace_back(FormulaText{.text = formula_.text});
      const Expression expression = parse_formula(text, defined).value;
      graph.set_result(builder.build(expression, formula_));
      out.text = checked_text(expression, "formula");
      out.call = sole_call(expression, formula_.names);
    }
    for (size_t i = 0; i < rules_.size(); ++i)
      out.rules.push_back(read_rule(rules_[i], labels_[i], defined, builder, graph));
    if (!out.text.empty()) builder.expect_all_used();
    out.graph = std::move(graph);
    return out;
  }

  std::string read_rule(const RecipeRule& rule, const std::string& label, std::span<DefinedName> defined,
                        TermBuilder& builder, MergeGraph& graph) {
    if (!rule.has_result()) return "";
    const std::string& wanted = rule.copy.empty() ? rule.formula : rule.copy;
    if (!rule.copy.empty() && std::ranges::find(formula_.names, rule.copy) == formula_.names.end())
      throw Error(ErrorCode::usage, "rules",
                  sentence(label, ": no checkpoint is called '", rule.copy, "', of which a copy is wanted"));
    const FormulaText& text = texts_.emplace_back(FormulaText{label, wanted});
    const Expression expression = parse_formula(text, defined).value;
    graph.add_alternative(builder.build(expression, {.text = wanted, .names = formula_.names}));
    return checked_text(expression, label);
  }

  static std::string checked_text(const Expression& expression, const std::string& label) {
    std::string text = canonical_text(expression);
    if (text.size() > kLongestFormula)
      throw Error(
          ErrorCode::usage, label,
          sentence("the ", label, " with all its defaults has ", text.size(), " bytes, more than ", kLongestFormula));
    return text;
  }

  const Formula formula_;
  const FormulaNumbers& numbers_;
  std::span<const RecipeRule> rules_;
  const std::vector<std::string> labels_;  // of the rules
  std::deque<FormulaText> texts_;
};

}  // namespace

ReadFormula read_formula(const Formula& formula, const FormulaNumbers& numbers, std::span<const RecipeRule> rules) {
  return Reading(formula, numbers, rules).run({});
}

ReadFormula read_rules(MergeGraph graph, const std::vector<std::string>& names, std::span<const RecipeRule> rules) {
  return Reading({.names = names}, {}, rules).run(std::move(graph));
}

}  // namespace ckmerge
