// SPDX-License-Identifier: Apache-2.0
#include "core/adapters/expert_parameter.h"

namespace ckmerge {
namespace {

using std::string_view;

constexpr string_view kInner = ".base_layer", kExperts = "experts", kPrefix = "base_model.model.";

bool ends_with_path(string_view name, string_view path) {
  return name.ends_with(path) && (name.size() == path.size() || name[name.size() - path.size() - 1] == '.');
}

// All classes of experts have what goes into an expert before what comes out of it.
bool is_first(string_view parameter) {
  return parameter.starts_with("gate_up_proj") || parameter.starts_with("up_proj");
}

}  // namespace

ExpertParameters::ExpertParameters(std::span<const FactorGroup> modules, std::span<const std::string> targets) {
  for (const std::string& target : targets) {
    const size_t dot = target.rfind('.');
    targets_.push_back({.module = dot == std::string::npos ? "" : target.substr(0, dot),
                        .parameter = dot == std::string::npos ? target : target.substr(dot + 1)});
  }
  if (targets_.empty()) return;
  for (const FactorGroup& group : modules) {
    string_view name = group.module;
    if (!name.ends_with(kInner)) continue;
    name.remove_suffix(kInner.size());
    if (name.starts_with(kPrefix)) name.remove_prefix(kPrefix.size());
    nested_.emplace(name);
  }
}

std::string ExpertParameters::parameter(string_view module) const {
  auto [name, is_parameter] = found(module);
  return is_parameter ? name : std::string();
}

// The name, and whether it is a parameter's.
std::pair<std::string, bool> ExpertParameters::found(string_view module) const {
  if (targets_.empty()) return {std::string(module), false};
  const bool is_inner = module.ends_with(kInner);
  const string_view plain = is_inner ? module.substr(0, module.size() - kInner.size()) : module;
  const bool has_both = is_inner || nested_.contains(std::string(plain));
  for (const Target& target : targets_) {
    if (!ends_with_path(plain, target.module.empty() ? kExperts : string_view(target.module))) continue;
    if (has_both && is_first(target.parameter) != is_inner) continue;
    return {std::string(plain).append(".").append(target.parameter), true};
  }
  return {std::string(plain), false};
}

}  // namespace ckmerge
