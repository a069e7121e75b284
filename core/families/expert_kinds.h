// SPDX-License-Identifier: Apache-2.0
// Mixtures of experts: the weights of a layer's experts lie in one tensor, stacked, or in tensors of their own.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "core/layouts/layout_rule.h"

namespace ckmerge {

/// What the tensors of single experts are called.
struct ExpertKind {
  std::string_view sign;  ///< behind the expert's number, in no other kind
  struct Part {
    std::string_view stacked, single;  ///< behind `.experts.`, and behind the number there; `{` as in LayoutRule
  };
  Part into, out_of;  ///< what goes into an expert, gate above up where it has a gate, and what comes out
};

/// A name with experts in it, taken apart. Views of the name.
struct ExpertName {
  std::string_view module;  ///< up to `experts`, that included
  bool is_stacked = false;
  const ExpertKind* kind = nullptr;  ///< of single ones, where the name is a sign; null: it does not tell
  bool has_gate = false;             ///< of stacked ones: gate and up are one tensor
};

/// None where `name` is no tensor of experts.
std::optional<ExpertName> expert_name(std::string_view name);

/// Whether stacked experts with a gate, or without one, can be single ones of `kind`.
bool fits(const ExpertKind& kind, bool has_gate);

/// Stacked on the left, single on the right. `module` as of ExpertName, `#` in place of any numbers.
void append_expert_rules(LayoutRules& rules, const ExpertKind& kind, std::string_view module);

}  // namespace ckmerge
