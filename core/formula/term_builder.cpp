// SPDX-License-Identifier: Apache-2.0
#include "core/formula/term_builder.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "core/formula/adapter_names.h"
#include "core/formula/advice.h"
#include "core/formula/combination.h"
#include "core/formula/formula_fault.h"
#include "core/formula/method_call.h"
#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {

using Kind = Expression::Kind;

class TermBuilder::Builder {
 public:
  Builder(TermBuilder& names, const Formula& formula) : names_(names), graph_(names.graph_), formula_(formula) {}

  TermId run(const Expression& expression) {
    const Value all = value(expression);
    if (all.number) refuse_at(all.at, "the formula is a number, and gives no checkpoint");
    const TermId result = settled(all);
    if (graph_[result].type == TermType::delta) refuse_at(all.at, delta_fault(formula_));
    return result;
  }

 private:
  // A number, or terms.
  struct Value {
    FormulaPlace at = {};
    std::optional<FormulaNumber> number = {};
    Combination terms = {};
  };

  Value value(const Expression& expression) {
    switch (expression.kind) {
      case Kind::number: return {expression.at, FormulaNumber(expression.number), {}};
      case Kind::checkpoint: return named(expression);
      case Kind::method:
        if (expression.name == kAdapterCall) return {expression.at, {}, Combination(adapter(expression))};
        return {expression.at, {}, Combination(method(expression))};
      case Kind::negation:
        return product(expression.at, operand(expression.operands[0]), '*', {{}, FormulaNumber(-1), {}});
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
    if (a.number && b.number) return {at, computed(at, graph_, *a.number, sign, *b.number), {}};
    if (a.number || b.number)
      refuse_at(at, sentence("a number cannot be ", sign == '+' ? "added to" : "subtracted from",
                             " checkpoints and deltas; multiply a delta by it, as in A + 0.5*(B - C)"));
    a.terms.add(graph_, sign, b.terms);
    return {at, {}, std::move(a.terms)};
  }

  Value product(FormulaPlace at, Value a, char sign, Value b) {
    if (a.number && b.number) return {at, computed(at, graph_, *a.number, sign, *b.number), {}};
    if (!a.number && sign == '*') std::swap(a, b);
    if (sign == '/' && !b.number) refuse_at(at, "only numbers divide; write a method for what is meant");
    if (!a.number && !b.number)
      refuse_at(at, "two of checkpoints and deltas are multiplied; one factor must be a number");
    const FormulaNumber k = sign == '/' ? computed(at, graph_, FormulaNumber(1), '/', *b.number) : *a.number;
    Value& scaled = sign == '/' ? a : b;
    scaled.terms.scale(graph_, k);
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

  // A checkpoint, or a number with weights.
  Value named(const Expression& expression) {
    if (const auto number = names_.numbers_.find(expression.name); number != names_.numbers_.end()) {
      names_.used_numbers_.insert(expression.name);
      return {expression.at, number->second, {}};
    }
    return {expression.at, {}, Combination(checkpoint_called(expression))};
  }

  // Index of the name.
  size_t input_called(const Expression& expression) const {
    const auto found = std::ranges::find(formula_.names, expression.name);
    if (found == formula_.names.end()) refuse_at(expression.at, unknown_name_fault(expression.name, formula_));
    return static_cast<size_t>(found - formula_.names.begin());
  }

  TermId checkpoint_called(const Expression& expression) {
    const size_t k = input_called(expression);
    if (k >= names_.checkpoint_count_)
      refuse_at(expression.at, sentence(expression.name, " is an adapter; what it adds is ", kAdapterCall, "(",
                                        expression.name, "), as in A + 0.8*", kAdapterCall, "(", expression.name, ")"));
    names_.used_[k] = true;
    return names_.inputs_[k];
  }

  // lora(L)
  TermId adapter(const Expression& call) {
    if (call.operands.size() != 1 || !call.parameters.empty() || call.operands[0].kind != Kind::checkpoint)
      refuse_at(call.at, sentence(kAdapterCall, " takes the name of one adapter, as in A + 0.8*", kAdapterCall, "(L)"));
    const size_t k = input_called(call.operands[0]);
    names_.used_[k] = true;
    return names_.inputs_[k];
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
      for (size_t i = 0; i < given.values.size(); ++i)
        parameters[given.spec->name].push_back(i < given.given.size() ? number_given(given, i)
                                                                      : graph_.number(given.values[i]));
    return located(call.at, [&] {
      const TermId term = graph_.method(spec.name, std::move(operands), std::move(parameters));
      coefficients_of(graph_[term], numbers());
      return term;
    });
  }

  TermId number_given(const CallParameter& parameter, size_t i) {
    const Expression& expression = *parameter.given[i];
    if (expression.kind == Kind::flag) return graph_.number(parameter.values[i]);
    if (expression.kind == Kind::checkpoint && !names_.numbers_.contains(expression.name)) refuse_number(parameter, i);
    const Value given = value(expression);
    if (!given.number) refuse_number(parameter, i);
    return given.number->term_in(graph_);
  }

  [[noreturn]] static void refuse_number(const CallParameter& parameter, size_t i) {
    const bool is_list = parameter.spec->kind == ParameterKind::numbers;
    refuse_at(parameter.given[i]->at,
              is_list ? std::string("a list holds numbers only") : sentence(parameter.spec->name, " is a number"));
  }

  std::vector<double> numbers() const {
    std::vector<double> all;
    for (const Term& term : graph_.terms()) all.push_back(term.number.value);
    return all;
  }

  TermBuilder& names_;
  MergeGraph& graph_;
  const Formula& formula_;
};

TermBuilder::TermBuilder(MergeGraph& graph, const std::vector<std::string>& names, size_t adapters,
                         const FormulaNumbers& numbers)
    : graph_(graph), checkpoints_(names), checkpoint_count_(names.size() - adapters), used_(names.size()) {
  for (uint32_t k = 0; k < checkpoint_count_; ++k) inputs_.push_back(graph.input(k));
  for (uint32_t k = 0; k < adapters; ++k) inputs_.push_back(graph.adapter(k));
  for (const auto& [name, number] : numbers)
    numbers_.emplace(name, FormulaNumber::named(graph, number, numbers_.size()));
}

TermId TermBuilder::build(const Expression& expression, const Formula& formula) {
  return Builder(*this, formula).run(expression);
}

void TermBuilder::expect_all_used() const {
  for (size_t k = 0; k < used_.size(); ++k)
    if (!used_[k])
      throw Error(ErrorCode::usage, "formula",
                  "the formula does not speak of " + checkpoints_[k] + "; take it away, or use it");
  for (const auto& [name, number] : numbers_)
    if (!used_numbers_.contains(name))
      throw Error(ErrorCode::usage, name,
                  sentence("the number '", name, "' has weights, but the formula does not speak of it"));
}

}  // namespace ckmerge
