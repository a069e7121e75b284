// SPDX-License-Identifier: Apache-2.0
#include "core/formula/sole_call.h"

#include <algorithm>

#include "core/formula/method_call.h"

namespace ckmerge {
namespace {

bool are_places(std::span<const std::string> names) {
  for (size_t k = 0; k < names.size(); ++k)
    if (names[k] != place_name(k)) return false;
  return true;
}

bool takes_all_in_order(const Expression& call, std::span<const std::string> names) {
  if (call.operands.size() != names.size()) return false;
  for (size_t k = 0; k < names.size(); ++k)
    if (call.operands[k].kind != Expression::Kind::checkpoint || call.operands[k].name != names[k]) return false;
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

}  // namespace ckmerge
