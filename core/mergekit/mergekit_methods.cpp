// SPDX-License-Identifier: Apache-2.0
#include "core/mergekit/mergekit_methods.h"

#include <algorithm>
#include <array>

#include "core/names/near_name.h"
#include "io/text/error.h"
#include "io/text/sentence.h"
#include "io/text/utf8.h"

namespace ckmerge {
namespace {

using Scope = MergekitParameter::Scope;
constexpr MergekitKind kNumber = MergekitKind::number, kFlag = MergekitKind::flag;

std::string joined_texts(const std::vector<std::string>& texts) {
  std::string out;
  for (const std::string& text : texts) out += (out.empty() ? "" : ", ") + text;
  return out;
}

constexpr std::array<MergekitParameter, 2> kLinear = {
    {{"weight", Scope::input, kNumber, true}, {"normalize", Scope::shared, kFlag, false, 1}}};

std::string linear(const MergekitCall& call) {
  return sentence("linear(", joined_texts(call.operands), ", weights=[", joined_texts(call.parameters[0]),
                  "], normalize=", call.parameters[1][0], ")");
}

constexpr std::array<MergekitParameter, 1> kT = {{{"t", Scope::shared, kNumber, true}}};

std::string slerp(const MergekitCall& call) {
  return sentence("slerp(", joined_texts(call.operands), ", t=", call.parameters[0][0], ")");
}

std::string nearswap(const MergekitCall& call) {
  return sentence("nearswap(", joined_texts(call.operands), ", t=", call.parameters[0][0], ")");
}

constexpr std::array<MergekitParameter, 6> kTaskArithmetic = {{{"weight", Scope::non_base, kNumber, true},
                                                               {"normalize", Scope::shared, kFlag},
                                                               {"lambda", Scope::shared, kNumber, false, 1},
                                                               {"density", Scope::no_effect},
                                                               {"rescale", Scope::no_effect},
                                                               {"int8_mask", Scope::no_effect}}};

// A base alone is itself. ckmerge has a weight for the base, too, which changes nothing.
std::string task_arithmetic(const MergekitCall& call) {
  if (call.operands.size() == 1) return call.operands[0];
  return sentence("task_arithmetic(", joined_texts(call.operands), ", alpha=", call.parameters[2][0], ", weights=[1, ",
                  joined_texts(call.parameters[0]), "], normalize=", call.parameters[1][0], ")");
}

constexpr std::array<MergekitParameter, 1> kPassthrough = {{{"scale", Scope::input, kNumber, false, 1}}};

std::string passthrough(const MergekitCall& call) {
  const std::string& scale = call.parameters[0][0];
  return scale.empty() ? call.operands[0] : sentence("scale(", call.operands[0], ", alpha=", scale, ")");
}

constexpr std::array<MergekitMethod, 20> kMethods = {
    {{.name = "linear", .parameters = kLinear, .formula = linear},
     {.name = "slerp", .has_base = true, .least = 2, .most = 2, .parameters = kT, .formula = slerp},
     {.name = "nearswap", .has_base = true, .least = 2, .most = 2, .parameters = kT, .formula = nearswap},
     {.name = "task_arithmetic", .has_base = true, .parameters = kTaskArithmetic, .formula = task_arithmetic},
     {.name = "passthrough", .most = 1, .parameters = kPassthrough, .formula = passthrough},
     {.name = "ties"},
     {.name = "dare_ties"},
     {.name = "dare_linear"},
     {.name = "breadcrumbs"},
     {.name = "breadcrumbs_ties"},
     {.name = "della"},
     {.name = "della_linear"},
     {.name = "nuslerp"},
     {.name = "multislerp"},
     {.name = "karcher"},
     {.name = "model_stock"},
     {.name = "sce"},
     {.name = "ram"},
     {.name = "ramplus_tl"},
     {.name = "arcee_fusion"}}};

}  // namespace

std::span<const MergekitMethod> mergekit_methods() { return kMethods; }

const MergekitMethod& mergekit_method(std::string_view name, const YamlValue& place, const std::string& where) {
  const auto found = std::ranges::find(kMethods, name, &MergekitMethod::name);
  if (found != kMethods.end() && found->formula) return *found;
  std::string built;
  std::vector<std::string> known;
  for (const MergekitMethod& method : kMethods) {
    known.emplace_back(method.name);
    if (method.formula) built += (built.empty() ? "" : ", ") + std::string(method.name);
  }
  if (found != kMethods.end())
    refuse_at(where, place,
              sentence("the method '", name, "' is not in this ckmerge yet; of mergekit's it has ", built));
  const std::string near = nearest_name(name, known);
  refuse_at(where, place,
            sentence("mergekit has no method '", valid_utf8(name), "'",
                     near.empty() ? "" : "; did you mean '" + near + "'?"));
}

}  // namespace ckmerge
