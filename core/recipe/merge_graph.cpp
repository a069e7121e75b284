// SPDX-License-Identifier: Apache-2.0
#include "core/recipe/merge_graph.h"

#include <algorithm>
#include <cmath>
#include <utility>

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

TermId MergeGraph::number(NumberByName number) {
  return intern({.kind = Term::Kind::number, .type = TermType::number, .number = std::move(number)});
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

TermId MergeGraph::add(TermId a, TermId b) {
  const Term term{.kind = Term::Kind::add, .operands = {a, b}};
  expect_values(term);
  const bool first = terms_[a].type == TermType::checkpoint, second = terms_[b].type == TermType::checkpoint;
  if (first && second)
    refuse("+", "two checkpoints are added, which gives none; subtract a base from one, or average them with linear");
  return intern(
      {.kind = term.kind, .type = first || second ? TermType::checkpoint : TermType::delta, .operands = term.operands});
}

TermId MergeGraph::subtract(TermId a, TermId b) {
  const Term term{.kind = Term::Kind::subtract, .operands = {a, b}};
  expect_values(term);
  const bool first = terms_[a].type == TermType::checkpoint, second = terms_[b].type == TermType::checkpoint;
  if (second && !first) refuse("-", "a checkpoint is subtracted from a delta, which gives neither; swap them");
  return intern({.kind = term.kind,
                 .type = first && !second ? TermType::checkpoint : TermType::delta,
                 .operands = term.operands});
}

TermId MergeGraph::scale(TermId number, TermId delta) {
  if (terms_[number].type != TermType::number || terms_[delta].type != TermType::delta)
    refuse("*", std::string("a ") + name(terms_[number].type) + " times a " + name(terms_[delta].type) +
                    " is neither checkpoint nor delta; multiply a delta by a number");
  if (!is_finite(terms_[number].number)) refuse("*", "a factor must be finite, not NaN or infinite");
  return intern({.kind = Term::Kind::scale, .type = TermType::delta, .operands = {number, delta}});
}

void MergeGraph::set_result(TermId id) {
  if (terms_[id].type != TermType::checkpoint)
    refuse("result", std::string("the result is a ") + name(terms_[id].type) + ", not a checkpoint; add it to one");
  result_ = id;
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

void MergeGraph::expect_values(const Term& term) const {
  for (const TermId id : term.operands)
    if (terms_[id].type == TermType::number)
      refuse(term.kind == Term::Kind::add ? "+" : "-",
             "a number is no checkpoint and no delta; multiply a delta by it");
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

NumbersByName::NumbersByName(const MergeGraph& graph) : graph_(graph), numbers_(graph.terms().size()) {
  std::vector<NamePattern> patterns;
  for (TermId id = 0; id < graph.terms().size(); ++id)
    for (const NumberByName::Rule& rule : graph[id].number.rules) {
      rules_.push_back({id, rule.value});
      patterns.emplace_back("weight", rule.pattern);
    }
  patterns_.emplace(std::move(patterns));
}

// In the order of the rules, of which the last that matches holds.
const std::vector<double>& NumbersByName::of(std::string_view name) {
  for (TermId id = 0; id < numbers_.size(); ++id) numbers_[id] = graph_[id].number.value;
  std::vector<int> matching = patterns_->matching(name);
  std::ranges::sort(matching);
  for (const int index : matching) {
    Rule& rule = rules_[static_cast<size_t>(index)];
    rule.matched = true;
    numbers_[rule.term] = rule.value;
  }
  return numbers_;
}

void NumbersByName::expect_matched() const {
  for (size_t i = 0; i < rules_.size(); ++i)
    if (!rules_[i].matched)
      refuse("weight",
             "the pattern '" + patterns_->patterns()[i].text() + "' matches the name of no tensor that is merged");
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
