// SPDX-License-Identifier: Apache-2.0
#include "core/formula/read_formula.h"

#include <algorithm>
#include <deque>
#include <optional>
#include <utility>

#include "core/formula/advice.h"
#include "core/formula/canonical_text.h"
#include "core/formula/combination.h"
#include "core/formula/expression.h"
#include "core/formula/formula_fault.h"
#include "core/formula/method_call.h"
#include "core/formula/number_arithmetic.h"
#include "core/formula/tokens.h"
#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

using Kind = Expression::Kind;

class Builder {
 public:
  explicit Builder(const Formula& formula) : formula_(formula), used_(formula.names.size()) {
    for (uint32_t k = 0; k < formula.names.size(); ++k) inputs_.push_back(graph_.input(k));
  }

  MergeGraph run(const Expression& expression) {
    const Value all = value(expression);
    if (all.number) refuse_at(all.at, "the formula is a number, and gives no checkpoint");
    const TermId result = settled(all);
    if (graph_[result].type == TermType::delta) refuse_at(all.at, delta_fault(formula_));
    graph_.set_result(result);
    for (size_t k = 0; k < used_.size(); ++k)
      if (!used_[k])
        throw Error(ErrorCode::usage, "formula",
                    "the formula does not speak of " + formula_.names[k] + "; take it away, or use it");
    return std::move(graph_);
  }

 private:
  // A number, or terms.
  struct Value {
    FormulaPlace at = {};
    std::optional<double> number = {};
    Combination terms = {};
  };

  Value value(const Expression& expression) {
    switch (expression.kind) {
      case Kind::number: return {expression.at, expression.number, {}};
      case Kind::checkpoint: return {expression.at, {}, Combination(input_called(expression))};
      case Kind::method: return {expression.at, {}, Combination(method(expression))};
      case Kind::negation: return product(expression.at, operand(expression.operands[0]), '*', {{}, -1.0, {}});
      case Kind::sum: return chain(expression, &Builder::sum);
      case Kind::product: return chain(expression, &Builder::product);
      case Kind::flag:
      case Kind::list:
      case Kind::parameter: break;
    }
    refuse_at(expression.at, "this is of a parameter alone");
  }

  // What lies in parentheses and has a type is one term: A + (B - C) adds to A what B - C is rounded to.
  Value operand(const Expression& expression) {
    Value inside = value(expression);
    if (inside.terms.parts().size() > 1 && inside.terms.type(graph_)) inside.terms = Combination(settled(inside));
    return inside;
  }

  Value chain(const Expression& expression, Value (Builder::*join)(FormulaPlace, Value, char, Value)) {
    Value all = operand(expression.operands[0]);
    for (size_t i = 0; i < expression.signs.size(); ++i)
      all = (this->*join)(expression.signs_at[i], std::move(all), expression.signs[i],
                          operand(expression.operands[i + 1]));
    all.at = expression.at;
    return all;
  }

  Value sum(FormulaPlace at, Value a, char sign, Value b) {
    if (a.number && b.number) return {at, computed(at, *a.number, sign, *b.number), {}};
    if (a.number || b.number)
      refuse_at(at, sentence("a number cannot be ", sign == '+' ? "added to" : "subtracted from",
                             " checkpoints and deltas; multiply a delta by it, as in A + 0.5*(B - C)"));
    Combination all = a.terms;
    all.add(sign == '+' ? 1 : -1, b.terms);
    return {at, {}, std::move(all)};
  }

  Value product(FormulaPlace at, Value a, char sign, Value b) {
    if (a.number && b.number) return {at, computed(at, *a.number, sign, *b.number), {}};
    if (!a.number && sign == '*') std::swap(a, b);
    if (sign == '/' && !b.number) refuse_at(at, "only numbers divide; write a method for what is meant");
    if (!a.number && !b.number)
      refuse_at(at, "two of checkpoints and deltas are multiplied; one factor must be a number");
    const double k = sign == '/' ? computed(at, 1, '/', *b.number) : *a.number;
    Value& scaled = sign == '/' ? a : b;
    scaled.terms.scale(k);
    return {at, {}, std::move(scaled.terms)};
  }

  TermId settled(const Value& value) {
    if (!value.terms.type(graph_)) refuse_at(value.at, untyped_fault(graph_, value.terms, formula_));
    return located(value.at, [&] { return value.terms.settle(graph_); });
  }

  // What a term finds wrong is so here.
  template <typename Call>
  TermId located(FormulaPlace at, const Call& call) const {
    try {
      return call();
    } catch (const Error& error) {
      refuse_at(at, error.what());
    }
  }

  TermId input_called(const Expression& expression) {
    const auto found = std::ranges::find(formula_.names, expression.name);
    if (found == formula_.names.end()) refuse_at(expression.at, unknown_name_fault(expression.name, formula_));
    const auto k = static_cast<size_t>(found - formula_.names.begin());
    used_[k] = true;
    return inputs_[k];
  }

  TermId method(const Expression& call) {
    if (!find_method(call.name) && std::ranges::find(formula_.names, call.name) != formula_.names.end())
      refuse_at(call.at,
                sentence(call.name, " is a checkpoint and no method; a number multiplies it, as in 0.5*", call.name));
    const MethodSpec& spec = called_method(call);
    std::vector<TermId> operands;
    for (const Expression& operand : call.operands) {
      const Value given = value(operand);
      if (given.number) refuse_at(given.at, sentence(spec.name, " takes checkpoints here; numbers are given by name"));
      operands.push_back(settled(given));
      if (graph_[operands.back()].type != graph_[operands[0]].type)
        refuse_at(given.at, sentence(spec.name, " takes checkpoints or deltas, not both; this is a ",
                                     name(graph_[operands.back()].type)));
    }
    std::map<std::string, std::vector<TermId>> parameters;
    for (const CallParameter& given : parameters_of(call))
      for (const double number : given.values) parameters[given.spec->name].push_back(graph_.number(number));
    return located(call.at, [&] {
      const TermId term = graph_.method(spec.name, std::move(operands), std::move(parameters));
      coefficients_of(graph_[term], numbers());
      return term;
    });
  }

  std::vector<double> numbers() const {
    std::vector<double> all;
    for (const Term& term : graph_.terms()) all.push_back(term.number.value);
    return all;
  }

  const Formula& formula_;
  MergeGraph graph_;
  std::vector<TermId> inputs_;
  std::vector<bool> used_;
};

void check_names(std::span<const std::string> names) {
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
  for (size_t k = 0; k < names.size(); ++k) {
    const std::string& name = names[k];
    const bool is_letter = name.size() == 1 && name[0] >= 'A' && name[0] <= 'Z';
    if (is_letter && static_cast<size_t>(name[0] - 'A') != k)
      refuse(name, "is that of another checkpoint: this one, the ", k + 1,
             k == 0   ? "st"
             : k == 1 ? "nd"
             : k == 2 ? "rd"
                      : "th",
             " that is given, is ", k < 26 ? std::string(1, static_cast<char>('A' + k)) : "no letter",
             " in reports and options; call it so, or by a longer name");
  }
}

[[noreturn]] void refuse_name(const std::string& name, const std::string& what) {
  throw Error(ErrorCode::usage, name, sentence("the name '", name, "' ", what));
}

// What is wrong is found while names stand for expressions, whose places are known; what they come to is then read as
// any other text, so that a recorded formula reads back as itself.
Formula written_out(const Formula& formula) {
  std::deque<FormulaText> texts;
  std::vector<DefinedName> defined;
  for (const auto& [name, text] : formula.defined) {
    if (!is_formula_name(name)) refuse_name(name, "cannot stand in a formula");
    if (std::ranges::find(formula.names, name) != formula.names.end()) refuse_name(name, "is a checkpoint's");
    if (std::ranges::find(defined, name, &DefinedName::name) != defined.end()) refuse_name(name, "is given twice");
    DefinedName next = parse_formula(texts.emplace_back(FormulaText{name, text}), defined);
    next.name = name;
    defined.push_back(std::move(next));
  }
  const Expression all = parse_formula(texts.emplace_back(FormulaText{.text = formula.text}), defined).value;
  for (const DefinedName& name : defined)
    if (!name.is_used) refuse_name(name.name, "is not used; take it away, or use it");
  Builder(formula).run(all);
  return {.text = canonical_text(all), .names = formula.names};
}

}  // namespace

ReadFormula read_formula(const Formula& formula) {
  check_names(formula.names);
  if (!formula.defined.empty()) return read_formula(written_out(formula));
  const FormulaText text{.text = formula.text};
  const Expression expression = parse_formula(text, {}).value;
  MergeGraph graph = Builder(formula).run(expression);
  std::string canonical = canonical_text(expression);
  if (canonical.size() > kLongestFormula)
    throw Error(
        ErrorCode::usage, "formula",
        sentence("the formula with all its defaults has ", canonical.size(), " bytes, more than ", kLongestFormula));
  return {std::move(graph), std::move(canonical), sole_call(expression, formula.names)};
}

}  // namespace ckmerge
