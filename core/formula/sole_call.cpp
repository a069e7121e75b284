// SPDX-License-Identifier: Apache-2.0
#include "core/formula/sole_call.h"

#include <algorithm>

#include "core/formula/method_call.h"
#include "io/text/error.h"

namespace ckmerge {
namespace {

bool are_places(std::span<const std::string> names) {
  for (size_t k = 0; k < names.size(); ++k)
    if (names[k] != place_name(k)) return false;
  return true;
}

bool is_checkpoint(const Expression& expression) { return expression.kind == Expression::Kind::checkpoint; }

bool takes_all_in_order(const Expression& call, std::span<const std::string> names) {
  if (call.operands.size() != names.size()) return false;
  for (size_t k = 0; k < names.size(); ++k)
    if (!is_checkpoint(call.operands[k]) || call.operands[k].name != names[k]) return false;
  return true;
}

}  // namespace

std::string place_name(size_t k) {
  constexpr size_t kLetters = 26;
  return k < kLetters ? std::string(1, static_cast<char>('A' + k)) : "input" + std::to_string(k + 1);
}

std::optional<SoleCall> sole_call(const Expression& formula, std::span<const std::string> names) {
  if (formula.kind != Expression::Kind::method || !are_places(names) || !takes_all_in_order(formula, names))
    return std::nullopt;
  SoleCall call{.method = called_method(formula).name, .parameters = {}};
  const auto is_constant = [](const Expression* value) {
    return value->kind == Expression::Kind::number || value->kind == Expression::Kind::flag;
  };
  for (const CallParameter& parameter : parameters_of(formula)) {
    if (!std::ranges::all_of(parameter.given, is_constant)) return std::nullopt;
    if (!parameter.values.empty()) call.parameters[parameter.spec->name] = parameter.values;
  }
  return call;
}

const MethodSpec* method_of_call(std::string_view text) {
  const FormulaText of{.text = text};
  try {
    const Expression call = parse_formula(of, {}).value;
    if (call.kind != Expression::Kind::method || !std::ranges::all_of(call.operands, is_checkpoint)) return nullptr;
    const Method* const method = find_method(call.name);
    return method ? method->spec : nullptr;
  } catch (const Error&) {
    return nullptr;
  }
}

}  // namespace ckmerge
