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

// Of the methods that thin out deltas: in the order in which they are written below.
constexpr MergekitParameter kWeight{"weight", Scope::non_base, kNumber, true},
    kDensity{"density", Scope::non_base, kNumber, false, 1}, kLambda{"lambda", Scope::shared, kNumber, false, 1},
    kRescale{"rescale", Scope::shared, kFlag}, kMask{"int8_mask", Scope::no_effect};
constexpr std::array<MergekitParameter, 6> kTies = {
    {kWeight, kDensity, kLambda, {"normalize", Scope::shared, kFlag, false, 1}, kRescale, kMask}};
constexpr std::array<MergekitParameter, 7> kBreadcrumbs = {{kWeight,
                                                            kDensity,
                                                            kLambda,
                                                            {"normalize", Scope::shared, kFlag},
                                                            kRescale,
                                                            kMask,
                                                            {"gamma", Scope::non_base, kNumber, false, 0.01}}};

// A base alone is itself.
std::string sparse(std::string_view method, const MergekitCall& call, const std::string& more) {
  if (call.operands.size() == 1) return call.operands[0];
  return sentence(method, "(", joined_texts(call.operands), ", alpha=", call.parameters[2][0], ", weights=[1, ",
                  joined_texts(call.parameters[0]), "], densities=[1, ", joined_texts(call.parameters[1]),
                  "], normalize=", call.parameters[3][0], ", rescale=", call.parameters[4][0], more,
                  call.likeness.order ? ", mergekit_order=true" : "", ")");
}

std::string gammas(const MergekitCall& call) {
  return sentence(", gammas=[0, ", joined_texts(call.parameters[6]), "]");
}

std::string ties(const MergekitCall& call) { return sparse("ties", call, ""); }
std::string breadcrumbs(const MergekitCall& call) { return sparse("breadcrumbs", call, gammas(call)); }
std::string breadcrumbs_ties(const MergekitCall& call) { return sparse("breadcrumbs_ties", call, gammas(call)); }

constexpr std::array<MergekitParameter, 1> kPassthrough = {{{"scale", Scope::input, kNumber, false, 1}}};

std::string passthrough(const MergekitCall& call) {
  const std::string& scale = call.parameters[0][0];
  return scale.empty() ? call.operands[0] : sentence("scale(", call.operands[0], ", alpha=", scale, ")");
}

// Weights of the models beside a base, which has one that changes nothing.
std::string weights_behind_base(const MergekitCall& call, size_t parameter) {
  return sentence("[1, ", joined_texts(call.parameters[parameter]), "]");
}

constexpr std::array<MergekitParameter, 3> kNuslerp = {{{"weight", Scope::non_base, kNumber, true},
                                                        {"nuslerp_flatten", Scope::shared, kFlag, false, 1},
                                                        {"nuslerp_row_wise", Scope::shared, kFlag}}};

// Of whole tensors row_wise has no effect there, and is refused here.
std::string nuslerp(const MergekitCall& call) {
  const std::string& flatten = call.parameters[1][0];
  return sentence("nuslerp(", joined_texts(call.operands), ", weights=",
                  call.has_base ? weights_behind_base(call, 0) : "[" + joined_texts(call.parameters[0]) + "]",
                  flatten == "true" ? "" : ", flatten=false, row_wise=" + call.parameters[2][0], ")");
}

constexpr std::array<MergekitParameter, 3> kMultislerp = {{{"weight", Scope::non_base, kNumber, true},
                                                           {"normalize_weights", Scope::shared, kFlag, false, 1},
                                                           {"eps", Scope::shared, kNumber, false, 1e-8}}};

std::string multislerp(const MergekitCall& call) {
  return sentence("multislerp(", joined_texts(call.operands), ", weights=",
                  call.has_base ? weights_behind_base(call, 0) : "[" + joined_texts(call.parameters[0]) + "]",
                  ", normalize=", call.parameters[1][0], ", base=", call.has_base ? "true" : "false",
                  ", eps=", call.parameters[2][0], ")");
}

constexpr std::array<MergekitParameter, 2> kKarcher = {
    {{"max_iter", Scope::shared, kNumber, false, 10}, {"tol", Scope::shared, kNumber, false, 1e-5}}};

std::string karcher(const MergekitCall& call) {
  return sentence("karcher(", joined_texts(call.operands), ", max_iter=", call.parameters[0][0],
                  ", tol=", call.parameters[1][0], ")");
}

constexpr std::array<MergekitParameter, 1> kModelStock = {{{"filter_wise", Scope::shared, kFlag}}};

std::string model_stock(const MergekitCall& call) {
  return sentence("model_stock(", joined_texts(call.operands),
                  call.parameters[0][0] == "true" ? ", filter_wise=true" : "", ")");
}

constexpr std::array<MergekitParameter, 6> kDare = {{{"weight", Scope::non_base, kNumber, true},
                                                     {"density", Scope::non_base, kNumber, false, 1, true},
                                                     {"normalize", Scope::shared, kFlag},
                                                     {"lambda", Scope::shared, kNumber, false, 1},
                                                     {"rescale", Scope::shared, kFlag, false, 1},
                                                     {"int8_mask", Scope::no_effect}}};

std::string dropped(const char* method, const MergekitCall& call, const std::string& more) {
  if (call.operands.size() == 1) return call.operands[0];
  return sentence(method, "(", joined_texts(call.operands), ", alpha=", call.parameters[3][0],
                  ", weights=", weights_behind_base(call, 0), ", densities=", weights_behind_base(call, 1),
                  ", normalize=", call.parameters[2][0], ", rescale=", call.parameters[4][0], more,
                  ", seed=", call.seed, call.likeness.masks ? ", mergekit_masks=true" : "", ")");
}

std::string dare_linear(const MergekitCall& call) { return dropped("dare_linear", call, ""); }
std::string dare_ties(const MergekitCall& call) { return dropped("dare_ties", call, ""); }

// As of DARE, and epsilon.
constexpr std::array<MergekitParameter, 7> della_parameters(double normalizes) {
  return {{kWeight,
           kDensity,
           {"normalize", Scope::shared, kFlag, false, normalizes},
           kLambda,
           {"rescale", Scope::shared, kFlag, false, 1},
           kMask,
           {"epsilon", Scope::non_base, kNumber, false, 0.15}}};
}
constexpr std::array<MergekitParameter, 7> kDella = della_parameters(1), kDellaLinear = della_parameters(0);

std::string epsilons(const MergekitCall& call) {
  return sentence(", epsilons=[0, ", joined_texts(call.parameters[6]), "]");
}

std::string della(const MergekitCall& call) {
  return call.operands.size() == 1 ? call.operands[0] : dropped("della", call, epsilons(call));
}
std::string della_linear(const MergekitCall& call) {
  return call.operands.size() == 1 ? call.operands[0] : dropped("della_linear", call, epsilons(call));
}

constexpr std::array<MergekitParameter, 1> kRam = {{{"epsilon", Scope::shared, kNumber, false, 1e-5}}};

std::string ram(const MergekitCall& call) {
  if (call.operands.size() == 1) return call.operands[0];
  return sentence("ram(", joined_texts(call.operands), ", epsilon=", call.parameters[0][0], ")");
}

constexpr std::array<MergekitParameter, 3> kRamPlus = {{{"r", Scope::shared, kNumber, false, 0.1},
                                                        {"alpha", Scope::shared, kNumber, false, 0.2},
                                                        {"epsilon", Scope::shared, kNumber, false, 1e-5}}};

std::string ramplus_tl(const MergekitCall& call) {
  if (call.operands.size() == 1) return call.operands[0];
  return sentence("ramplus_tl(", joined_texts(call.operands), ", r=", call.parameters[0][0],
                  ", alpha=", call.parameters[1][0], ", epsilon=", call.parameters[2][0], ")");
}

std::string arcee_fusion(const MergekitCall& call) {
  return sentence("arcee_fusion(", joined_texts(call.operands), ")");
}

constexpr std::array<MergekitParameter, 2> kSce = {{{"select_topk", Scope::shared, kNumber, false, 1}, kMask}};

std::string sce(const MergekitCall& call) {
  if (call.operands.size() == 1) return call.operands[0];
  return sentence("sce(", joined_texts(call.operands), ", select_topk=", call.parameters[0][0],
                  call.likeness.order ? ", mergekit_order=true" : "", ")");
}

using Base = MergekitMethod::Base;

constexpr std::array<MergekitMethod, 20> kMethods = {
    {{.name = "linear", .parameters = kLinear, .formula = linear},
     {.name = "slerp", .base = Base::needed, .least = 2, .most = 2, .parameters = kT, .formula = slerp},
     {.name = "nearswap",
      .base = Base::needed,
      .least = 2,
      .most = 2,
      .from_zero = "t",
      .parameters = kT,
      .formula = nearswap},
     {.name = "task_arithmetic", .base = Base::needed, .parameters = kTaskArithmetic, .formula = task_arithmetic},
     {.name = "passthrough", .most = 1, .parameters = kPassthrough, .formula = passthrough},
     {.name = "ties", .base = Base::needed, .ranks = true, .parameters = kTies, .formula = ties},
     {.name = "dare_ties", .base = Base::needed, .draws = true, .parameters = kDare, .formula = dare_ties},
     {.name = "dare_linear", .base = Base::needed, .draws = true, .parameters = kDare, .formula = dare_linear},
     {.name = "breadcrumbs", .base = Base::needed, .ranks = true, .parameters = kBreadcrumbs, .formula = breadcrumbs},
     {.name = "breadcrumbs_ties",
      .base = Base::needed,
      .ranks = true,
      .parameters = kBreadcrumbs,
      .formula = breadcrumbs_ties},
     {.name = "della", .base = Base::needed, .draws = true, .parameters = kDella, .formula = della},
     {.name = "della_linear", .base = Base::needed, .draws = true, .parameters = kDellaLinear, .formula = della_linear},
     {.name = "nuslerp", .base = Base::optional, .least = 2, .most = 2, .parameters = kNuslerp, .formula = nuslerp},
     {.name = "multislerp", .base = Base::optional, .parameters = kMultislerp, .formula = multislerp},
     {.name = "karcher", .parameters = kKarcher, .formula = karcher},
     {.name = "model_stock", .base = Base::needed, .least = 3, .parameters = kModelStock, .formula = model_stock},
     {.name = "sce", .base = Base::needed, .ranks = true, .parameters = kSce, .formula = sce},
     {.name = "ram", .base = Base::needed, .parameters = kRam, .formula = ram},
     {.name = "ramplus_tl", .base = Base::needed, .parameters = kRamPlus, .formula = ramplus_tl},
     {.name = "arcee_fusion", .base = Base::needed, .least = 2, .most = 2, .formula = arcee_fusion}}};

}  // namespace

std::span<const MergekitMethod> mergekit_methods() { return kMethods; }

const MergekitMethod& mergekit_method(std::string_view name, const YamlValue& place, const std::string& where) {
  const auto found = std::ranges::find(kMethods, name, &MergekitMethod::name);
  if (found != kMethods.end()) return *found;
  std::vector<std::string> known;
  for (const MergekitMethod& method : kMethods) known.emplace_back(method.name);
  const std::string near = nearest_name(name, known);
  refuse_at(where, place,
            sentence("mergekit has no method '", valid_utf8(name), "'",
                     near.empty() ? "" : "; did you mean '" + near + "'?"));
}

}  // namespace ckmerge
