// SPDX-License-Identifier: Apache-2.0
#include "core/mergekit/expert_names.h"

#include <algorithm>
#include <array>

namespace ckmerge {
namespace {

// Experts as they lie in files have other names than in transformers' memory, by which mergekit goes.
struct ExpertName {
  std::string_view on_disk, in_memory;
};
constexpr auto kExpertNames = std::to_array<ExpertName>({{"w1.weight", "gate_up_proj"},
                                                         {"w3.weight", "gate_up_proj"},
                                                         {"gate_proj.weight", "gate_up_proj"},
                                                         {"up_proj.weight", "gate_up_proj"},
                                                         {"w2.weight", "down_proj"},
                                                         {"down_proj.weight", "down_proj"}});
constexpr std::string_view kExperts = ".experts.", kSparse = "block_sparse_moe.", kDense = "mlp.";

}  // namespace

std::string_view expert_number(std::string_view rest) {
  const size_t at = rest.find(kExperts);
  if (at == rest.npos) return {};
  const std::string_view behind = rest.substr(at + kExperts.size());
  const size_t end = behind.find_first_not_of("0123456789");
  return end == behind.npos || behind[end] != '.' ? std::string_view() : behind.substr(0, end);
}

std::string name_in_memory(std::string_view rest) {
  std::string name(rest);
  const std::string_view number = expert_number(rest);
  if (!number.empty()) {
    const auto end = static_cast<size_t>(number.data() + number.size() + 1 - rest.data());
    const auto known = std::ranges::find(kExpertNames, rest.substr(end), &ExpertName::on_disk);
    if (known != kExpertNames.end())
      name =
          std::string(rest.substr(0, static_cast<size_t>(number.data() - rest.data()))) + std::string(known->in_memory);
  }
  if (name.starts_with(kSparse)) name.replace(0, kSparse.size(), kDense);
  return name;
}

}  // namespace ckmerge
