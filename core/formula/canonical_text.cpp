// SPDX-License-Identifier: Apache-2.0
#include "core/formula/canonical_text.h"

#include "core/formula/adapter_names.h"
#include "core/formula/method_call.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

using Kind = Expression::Kind;

std::string value_text(const CallParameter& parameter) {
  if (parameter.spec->kind == ParameterKind::flag) return parameter.values[0] != 0 ? "true" : "false";
  std::string list;
  for (size_t i = 0; i < parameter.values.size(); ++i)
    list += (list.empty() ? "" : ", ") +
            (i < parameter.given.size() ? canonical_text(*parameter.given[i]) : number_text(parameter.values[i]));
  return parameter.spec->kind == ParameterKind::numbers ? "[" + list + "]" : list;
}

std::string parameters_text(const Expression& call) {
  std::string out;
  for (const CallParameter& parameter : parameters_of(call))
    if (!parameter.values.empty()) out += std::string(", ") + parameter.spec->name + "=" + value_text(parameter);
  return out;
}

std::string call_text(const Expression& call) {
  std::string operands;
  for (const Expression& operand : call.operands) operands += (operands.empty() ? "" : ", ") + canonical_text(operand);
  if (call.name == kAdapterCall) return call.name + "(" + operands + ")";
  return std::string(called_method(call).name) + "(" + operands + parameters_text(call) + ")";
}

// Beside signs that bind as `around` does.
std::string operand_text(const Expression& operand, Kind around) {
  const bool is_wide = operand.kind == Kind::sum || (operand.kind == Kind::product && around != Kind::sum);
  return is_wide ? "(" + canonical_text(operand) + ")" : canonical_text(operand);
}

}  // namespace

std::string canonical_text(const Expression& formula) {
  switch (formula.kind) {
    case Kind::number: return number_text(formula.number);
    case Kind::checkpoint: return formula.name;
    case Kind::method: return call_text(formula);
    case Kind::negation: return "-" + operand_text(formula.operands[0], Kind::negation);
    case Kind::flag:
    case Kind::list:
    case Kind::parameter: return "";  // of parameters alone
    case Kind::sum:
    case Kind::product: break;
  }
  const std::string blank = formula.kind == Kind::sum ? " " : "";
  std::string out = operand_text(formula.operands[0], formula.kind);
  for (size_t i = 0; i < formula.signs.size(); ++i)
    out += blank + formula.signs[i] + blank + operand_text(formula.operands[i + 1], formula.kind);
  return out;
}

}  // namespace ckmerge
