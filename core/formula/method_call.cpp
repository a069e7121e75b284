// SPDX-License-Identifier: Apache-2.0
#include "core/formula/method_call.h"

#include <algorithm>

#include "core/formula/formula_fault.h"
#include "core/names/near_name.h"
#include "core/recipe/foreign_method.h"
#include "core/recipe/method_defaults.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

using Kind = Expression::Kind;

std::string list_of(std::span<const std::string> names) {
  std::string list;
  for (const std::string& name : names) list += (list.empty() ? "" : ", ") + name;
  return list;
}

const ParameterSpec& parameter_called(const MethodSpec& method, const Expression& given) {
  std::vector<std::string> names;
  for (const ParameterSpec& parameter : method.parameter_list()) {
    if (parameter.is_called(given.name)) return parameter;
    names.emplace_back(parameter.name);
  }
  std::string more = suggestion(given.name, names);
  if (more.empty()) more = names.empty() ? "; it has none" : "; it has " + list_of(names);
  refuse_at(given.at, sentence(method.name, " has no parameter '", given.name, "'", more));
}

const char* wanted(ParameterKind kind) {
  if (kind == ParameterKind::numbers) return "a list of numbers, as in [0.3, 0.7]";
  return kind == ParameterKind::flag ? "true or false" : "a number";
}

// What may come to one number; whoever knows the names finds out whether it does.
bool may_be_number(const Expression& item) {
  switch (item.kind) {
    case Kind::number:
    case Kind::checkpoint:
    case Kind::negation:
    case Kind::sum:
    case Kind::product: return true;
    default: return false;
  }
}

CallParameter value_of(const ParameterSpec& parameter, const Expression& given) {
  const bool is_list = parameter.kind == ParameterKind::numbers, is_flag = parameter.kind == ParameterKind::flag;
  if (is_flag && given.kind == Kind::flag) return {&parameter, {given.flag ? 1.0 : 0.0}, {&given}};
  if (is_flag ? given.kind == Kind::number : may_be_number(given)) return {&parameter, {given.number}, {&given}};
  if (given.kind == Kind::list && given.operands.empty())
    refuse_at(given.at, sentence(parameter.name, " is an empty list; give one number for each checkpoint"));
  const auto strange = std::ranges::find_if_not(given.operands, may_be_number);
  if (!is_list || given.kind != Kind::list)
    refuse_at(given.at, sentence(parameter.name, " is ", wanted(parameter.kind)));
  if (strange != given.operands.end()) refuse_at(strange->at, "a list holds numbers only");
  CallParameter all{.spec = &parameter};
  for (const Expression& item : given.operands) {
    all.values.push_back(item.number);
    all.given.push_back(&item);
  }
  return all;
}

}  // namespace

std::string suggestion(std::string_view typed, std::span<const std::string> known) {
  const std::string near = nearest_name(typed, known);
  return near.empty() ? "" : "; did you mean '" + near + "'?";
}

const MethodSpec& called_method(const Expression& call) {
  if (const Method* method = find_method(call.name)) return *method->spec;
  if (const std::string advice = foreign_method_advice(call.name); !advice.empty())
    refuse_at(call.at, sentence("method '", call.name, "' is unknown", advice));
  std::vector<std::string> names;
  for (const Method& method : methods()) names.emplace_back(method.spec->name);
  std::vector<std::string> with_aliases = names;
  for (const Method& method : methods())
    for (const char* const alias : method.spec->aliases)
      if (alias) with_aliases.emplace_back(alias);
  const std::string near = suggestion(call.name, with_aliases);
  refuse_at(call.at, sentence("method '", call.name, "' is unknown",
                              near.empty() ? "; the methods are " + list_of(names) : near));
}

std::vector<CallParameter> parameters_of(const Expression& call) {
  const MethodSpec& method = called_method(call);
  std::vector<CallParameter> all;
  for (const Expression& given : call.parameters) {
    const ParameterSpec& parameter = parameter_called(method, given);
    if (std::ranges::find(all, &parameter, &CallParameter::spec) != all.end())
      refuse_at(given.at, sentence(parameter.name, " is given twice"));
    all.push_back(value_of(parameter, given.operands[0]));
  }
  MethodParameters known;
  for (const CallParameter& parameter : all) known[parameter.spec->name] = parameter.values;
  for (const ParameterSpec& parameter : method.parameter_list())
    if (!known.contains(parameter.name))
      all.push_back({&parameter, default_value_of(*find_method(call.name), parameter, known, call.operands.size())});
  std::ranges::sort(all, {}, &CallParameter::spec);  // they lie in one array
  return all;
}

}  // namespace ckmerge
