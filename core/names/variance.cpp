// SPDX-License-Identifier: Apache-2.0
#include "core/names/variance.h"

#include <algorithm>
#include <array>

namespace ckmerge {
namespace {

constexpr auto kNames =
    std::to_array<std::string_view>({"running_var", "running_variance", "moving_var", "moving_variance", "_variance"});
constexpr std::string_view kOfJax = "batch_stats.", kVar = ".var";

}  // namespace

bool is_variance(std::string_view name) {
  const std::string_view last = name.substr(name.rfind('.') + 1);
  if (std::ranges::find(kNames, last) != kNames.end()) return true;
  return name.find(kOfJax) != std::string_view::npos && name.ends_with(kVar);
}

}  // namespace ckmerge
