// SPDX-License-Identifier: Apache-2.0
// Sources: files written by transformers 4.57 (single) and by memory of 5.24 (stacked) for Mixtral, Phi-MoE, LFM2, the
// Qwens, DeepSeek, Jamba and Nemotron-H. gpt-oss, Llama 4 and Qwen3-VL-MoE have stacked experts only.
#include "core/families/expert_kinds.h"

#include <array>
#include <string>

namespace ckmerge {
namespace {

using std::string_view;

constexpr string_view kExperts = ".experts.", kGated = "gate_up_proj", kUngated = "up_proj", kDown = "down_proj";
constexpr std::array kKinds{
    ExpertKind{"gate_proj.weight", {kGated, "{gate_proj,up_proj}.weight"}, {kDown, "down_proj.weight"}},
    ExpertKind{"w1.weight", {kGated, "{w1,w3}.weight"}, {kDown, "w2.weight"}},
    ExpertKind{"up_proj.weight", {kUngated, "up_proj.weight"}, {kDown, "down_proj.weight"}},
};

const ExpertKind* kind_of(string_view sign) {
  for (const ExpertKind& kind : kKinds)
    if (kind.sign == sign) return &kind;
  return nullptr;
}

}  // namespace

std::optional<ExpertName> expert_name(string_view name) {
  const size_t found = name.find(kExperts);
  if (found == string_view::npos) return std::nullopt;
  ExpertName parts{.module = name.substr(0, found + kExperts.size() - 1)};
  const string_view rest = name.substr(found + kExperts.size());
  parts.has_gate = rest == kGated;
  parts.is_stacked = parts.has_gate || rest == kUngated;
  if (parts.is_stacked) return parts;
  const size_t digits = rest.find_first_not_of("0123456789");
  if (digits == 0 || digits == string_view::npos || rest[digits] != '.') return std::nullopt;
  parts.kind = kind_of(rest.substr(digits + 1));
  return parts;
}

bool fits(const ExpertKind& kind, bool has_gate) { return (kind.into.stacked == kGated) == has_gate; }

void append_expert_rules(LayoutRules& rules, const ExpertKind& kind, string_view module) {
  for (const ExpertKind::Part& part : {kind.into, kind.out_of})
    rules.push_back({.left = std::string(module).append(".").append(part.stacked),
                     .right = std::string(module).append(".@.").append(part.single)});
}

}  // namespace ckmerge
