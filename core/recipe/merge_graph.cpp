// SPDX-License-Identifier: Apache-2.0
#include "core/recipe/merge_graph.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/recipe/number_sign.h"
#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

[[noreturn]] void refuse(const std::string& where, const std::string& sentence) {
  throw Error(ErrorCode::usage, where, sentence);
}

const Method& find_or_refuse(const std::string& name) {
  if (const Method* method = find_method(name)) return *method;
  std::string known;
  for (const Method& method : methods()) known += (known.empty() ? "" : ", ") + std::string(method.spec->name);
  refuse("method", "method '" + name + "' is unknown; the methods are " + known);
}

void check_input_count(const MethodSpec& spec, size_t inputs) {
  const bool too_many = spec.max_inputs != 0 && inputs > spec.max_inputs;
  if (inputs >= spec.min_inputs && !too_many) return;
  const std::string wanted = spec.min_inputs == spec.max_inputs ? counted(spec.min_inputs, "checkpoint")
                                                                : "at least " + counted(spec.min_inputs, "checkpoint");
  constexpr size_t kShortFormula = 40;  // characters; slerp's would hide what is said
  const bool is_short = std::string_view(spec.formula).size() <= kShortFormula;
  const std::string formula = is_short ? std::string(" (") + spec.formula + ")" : "";
  refuse("method", std::string(spec.name) + " takes " + wanted + formula + ", but " + std::to_string(inputs) +
                       (inputs == 1 ? " was" : " were") + " given");
}

// Index of the parameter in the spec. Lists what the method does take.
size_t find_parameter(const MethodSpec& spec, const std::string& name) {
  std::string known;
  for (size_t i = 0; i < spec.parameter_count; ++i) {
    if (name == spec.parameters[i].name) return i;
    known += (known.empty() ? "" : ", ") + std::string(spec.parameters[i].name);
  }
  refuse(name, std::string(spec.name) + " has no parameter '" + name + "'" +
                   (known.empty() ? "; it takes none" : "; it takes " + known));
}

void check_value(const MethodSpec& spec, const ParameterSpec& parameter, const std::vector<double>& value,
                 size_t inputs) {
  const std::string name = parameter.name;
  const size_t wanted = parameter.kind == ParameterKind::numbers ? inputs : 1;
  if (value.size() != wanted)
    refuse(name, name + " of " + spec.name + " takes " + counted(wanted, "number") +
                     (parameter.kind == ParameterKind::numbers ? ", one per checkpoint" : "") + ", but " +
                     std::to_string(value.size()) + (value.size() == 1 ? " was" : " were") + " given");
  if (parameter.kind == ParameterKind::flag && value[0] != 0 && value[0] != 1)
    refuse(name, name + " of " + spec.name + " is on or off, 1 or 0");
  for (const double number : value)
    if (!std::isfinite(number)) refuse(name, name + " must be finite, not NaN or infinite");
}

bool is_finite(const NumberByName& number) {
  return std::isfinite(number.value) &&
         std::ranges::all_of(number.rules, [](const NumberByName::Rule& rule) { return std::isfinite(rule.value); });
}

// The values of some numbers, where they are the same for every name; of others those of a name that no rule matches.
std::vector<double> values_of(const MergeGraph& graph, const std::string& parameter,
                              const std::vector<TermId>& numbers) {
  std::vector<double> values;
  for (const TermId id : numbers) {
    if (graph[id].type != TermType::number)
      refuse(parameter,
             std::string("a ") + name(graph[id].type) + " is given for " + parameter + ", which is a number");
    values.push_back(graph[id].number.value);
  }
  return values;
}

}  // namespace

const char* name(TermType type) {
  constexpr const char* kNames[] = {"checkpoint", "delta", "number"};
  return kNames[static_cast<size_t>(type)];
}

TermId MergeGraph::input(uint32_t index) { return intern({.kind = Term::Kind::input, .input = index}); }

TermId MergeGraph::adapter(uint32_t index) {
  return intern({.kind = Term::Kind::adapter, .type = TermType::delta, .input = index});
}

TermId MergeGraph::number(NumberByName number) {
  return intern({.kind = Term::Kind::number, .type = TermType::number, .number = std::move(number)});
}

TermId MergeGraph::arithmetic(TermId a, char sign, TermId b) {
  for (const TermId id : {a, b})
    if (terms_[id].type != TermType::number)
      refuse(std::string(1, sign), std::string("a ") + name(terms_[id].type) + " is no number");
  const double value = ckmerge::arithmetic(terms_[a].number.value, sign, terms_[b].number.value);
  if (!std::isfinite(value)) refuse(std::string(1, sign), "this divides by zero, or is larger than 64 bits can hold");
  return intern({.kind = Term::Kind::arithmetic,
                 .type = TermType::number,
                 .number = {.value = value},
                 .sign = sign,
                 .operands = {a, b}});
}

TermId MergeGraph::method(const std::string& name, std::vector<TermId> operands,
                          std::map<std::string, std::vector<TermId>> parameters) {
  const MethodSpec& spec = *find_or_refuse(name).spec;
  check_input_count(spec, operands.size());
  for (const auto& [parameter, numbers] : parameters) {
    const size_t i = find_parameter(spec, parameter);
    check_value(spec, spec.parameters[i], values_of(*this, parameter, numbers), operands.size());
  }
  const TermType type = terms_[operands[0]].type;
  for (const TermId id : operands)
    if (terms_[id].type != type || type == TermType::number)
      refuse(name, name + " takes checkpoints or deltas, not both, and no number");
  return intern({.kind = Term::Kind::method,
                 .type = type,
                 .method = spec.name,
                 .operands = std::move(operands),
                 .parameters = std::move(parameters)});
}

TermId MergeGraph::sum(std::vector<TermId> factors, std::vector<TermId> operands) {
  Weights weights;
  for (size_t i = 0; i < operands.size(); ++i) {
    const Term &factor = terms_[factors[i]], &operand = terms_[operands[i]];
    if (factor.type != TermType::number || operand.type == TermType::number)
      refuse("*", std::string("a ") + name(factor.type) + " times a " + name(operand.type) +
                      " is neither checkpoint nor delta; multiply a delta by a number");
    if (!is_finite(factor.number)) refuse("*", "a factor must be finite, not NaN or infinite");
    if (operand.type == TermType::delta) continue;
    if (!factor.number.rules.empty() || factor.kind == Term::Kind::arithmetic)
      refuse("*", "the weight of a checkpoint must be the same for every tensor");
    weights = weights + factor.number.value * Weights{1, 1};
  }
  const TermType type = weights.add_up_to_one() ? TermType::checkpoint : TermType::delta;
  if (type == TermType::delta && !weights.add_up_to_zero())
    refuse("+", "the weights of the checkpoints add up to neither one, a checkpoint, nor zero, a delta");
  return intern(
      {.kind = Term::Kind::sum, .type = type, .operands = std::move(operands), .factors = std::move(factors)});
}

TermId MergeGraph::sum(std::vector<TermId> factors, std::vector<TermId> operands, TermType type) {
  for (size_t i = 0; i < operands.size(); ++i)
    if (terms_[factors[i]].type != TermType::number || terms_[operands[i]].type == TermType::number)
      refuse("*", "a sum is one of products of a number and a checkpoint or a delta");
  return intern(
      {.kind = Term::Kind::sum, .type = type, .operands = std::move(operands), .factors = std::move(factors)});
}

TermId MergeGraph::add(TermId a, TermId b) {
  expect_values("+", {a, b});
  if (terms_[a].type == TermType::checkpoint && terms_[b].type == TermType::checkpoint)
    refuse("+", "two checkpoints are added, which gives none; subtract a base from one, or average them with linear");
  return sum({number(1.0), number(1.0)}, {a, b});
}

TermId MergeGraph::subtract(TermId a, TermId b) {
  expect_values("-", {a, b});
  if (terms_[b].type == TermType::checkpoint && terms_[a].type != TermType::checkpoint)
    refuse("-", "a checkpoint is subtracted from a delta, which gives neither; swap them");
  return sum({number(1.0), number(-1.0)}, {a, b});
}

TermId MergeGraph::scale(TermId number, TermId delta) {
  if (terms_[number].type != TermType::number || terms_[delta].type != TermType::delta)
    refuse("*", std::string("a ") + name(terms_[number].type) + " times a " + name(terms_[delta].type) +
                    " is neither checkpoint nor delta; multiply a delta by a number");
  return sum({number}, {delta});
}

void MergeGraph::set_result(TermId id) {
  expect_checkpoint(id);
  results_[0] = id;
}

void MergeGraph::add_alternative(TermId id) {
  expect_checkpoint(id);
  results_.push_back(id);
}

void MergeGraph::add_adapters(uint32_t first, uint32_t end, const std::vector<bool>& to_alternative) {
  const auto with = [&](TermId id) {
    std::vector<TermId> terms{id}, factors{number(1.0)};
    for (uint32_t k = first; k < end; ++k) {
      terms.push_back(adapter(k));
      factors.push_back(number(1.0));
    }
    return terms.size() == 1 ? id : sum(std::move(factors), std::move(terms), TermType::checkpoint);
  };
  // What the formula itself adds stands in its last sum, or in what is not known beside other checkpoints.
  std::vector<TermId> terms{input(0)}, factors{number(1.0)};
  const Term formula = terms_[results_[0]];
  for (size_t i = 0; formula.kind == Term::Kind::sum && i < formula.operands.size(); ++i) {
    if (terms_[formula.operands[i]].kind != Term::Kind::adapter) continue;
    terms.push_back(formula.operands[i]);
    factors.push_back(formula.factors[i]);
  }
  const TermId kept = terms.size() == 1 ? terms[0] : sum(std::move(factors), std::move(terms), TermType::checkpoint);
  for (size_t i = 0; i < results_.size(); ++i)
    if (i == 0 || to_alternative[i - 1]) results_[i] = with(results_[i]);
  results_.push_back(with(kept));
  has_kept_ = true;
}

void MergeGraph::expect_checkpoint(TermId id) const {
  if (terms_[id].type != TermType::checkpoint)
    refuse("result", std::string("the result is a ") + name(terms_[id].type) + ", not a checkpoint; add it to one");
}

bool MergeGraph::depends_on_names() const {
  return std::ranges::any_of(terms_, [](const Term& term) { return !term.number.rules.empty(); });
}

// A term whose number is not finite stands by itself: NaN has no place in the map's order.
TermId MergeGraph::intern(Term term) {
  const auto id = static_cast<TermId>(terms_.size());
  if (!is_finite(term.number)) {
    terms_.push_back(std::move(term));
    return id;
  }
  const auto [known, is_new] = known_.try_emplace(std::move(term), id);
  if (is_new) terms_.push_back(known->first);
  return known->second;
}

void MergeGraph::expect_values(const char* sign, std::initializer_list<TermId> operands) const {
  for (const TermId id : operands)
    if (terms_[id].type == TermType::number)
      refuse(sign, "a number is no checkpoint and no delta; multiply a delta by it");
}

MergeGraph merge_graph(const Recipe& recipe, size_t inputs) {
  MergeGraph graph;
  std::vector<TermId> operands;
  for (size_t k = 0; k < merged_inputs(recipe, inputs); ++k) operands.push_back(graph.input(static_cast<uint32_t>(k)));
  std::map<std::string, std::vector<TermId>> parameters;
  for (const auto& [parameter, values] : recipe.parameters)
    for (std::vector<TermId>& numbers = parameters[parameter]; const double value : values)
      numbers.push_back(graph.number(value));
  graph.set_result(graph.method(recipe.method, std::move(operands), std::move(parameters)));
  return graph;
}

std::vector<double> coefficients_of(const Term& term, std::span<const double> numbers) {
  const Method& method = *find_method(term.method);
  const MethodSpec& spec = *method.spec;
  Arguments arguments;
  arguments.inputs = term.operands.size();
  for (size_t i = 0; i < spec.parameter_count; ++i) arguments.values[i].number = spec.parameters[i].default_value;
  std::map<std::string, std::vector<double>> given;
  for (const auto& [parameter, terms] : term.parameters) {
    std::vector<double>& values = given[parameter];
    for (const TermId id : terms) values.push_back(numbers[id]);
    const size_t i = find_parameter(spec, parameter);
    check_value(spec, spec.parameters[i], values, arguments.inputs);
    arguments.values[i] = {.number = values[0], .numbers = values};
  }
  std::vector<double> coefficients(method.coefficient_count(arguments.inputs));
  if (const char* fault = method.coefficients(arguments, coefficients)) refuse(term.method, fault);
  for (const double coefficient : coefficients)
    if (!std::isfinite(coefficient)) refuse(term.method, "a coefficient of " + term.method + " is not finite");
  return coefficients;
}

}  // namespace ckmerge
