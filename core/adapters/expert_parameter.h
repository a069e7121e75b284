// SPDX-License-Identifier: Apache-2.0
// Parameters that PEFT adapts without their module: the stacked weights of experts. Names in its files tell the module;
// of several of its parameters the first that the model has is innermost: `experts.base_layer.lora_A`.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "core/adapters/adapter_groups.h"

namespace ckmerge {

class ExpertParameters {
 public:
  ExpertParameters() = default;
  /// `targets`: what the config calls target_parameters.
  ExpertParameters(std::span<const FactorGroup> modules, std::span<const std::string> targets);

  /// The name that patterns of the config know a module by, whose name in the model this is: that of its parameter,
  /// where it is one's.
  std::string name_in_model(std::string_view module) const { return found(module).first; }
  /// The same; empty: it is no parameter's.
  std::string parameter(std::string_view module) const;

 private:
  struct Target {
    std::string module, parameter;
  };
  std::pair<std::string, bool> found(std::string_view module) const;

  std::vector<Target> targets_;
  std::unordered_set<std::string> nested_;  // modules that have more than one, as the model names them
};

}  // namespace ckmerge
