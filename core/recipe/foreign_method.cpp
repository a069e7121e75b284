// SPDX-License-Identifier: Apache-2.0
#include "core/recipe/foreign_method.h"

#include <algorithm>
#include <array>

namespace ckmerge {
namespace {

// By the letters of their names, and what comes near them.
struct ForeignMethod {
  std::string_view letters;
  const char* advice;
};
constexpr const char* kNotBuilt = "that is a method of mergekit's, which is not built here yet";

constexpr auto kForeign = std::to_array<ForeignMethod>({
    {"tensor2", "supermerger's tensor2 takes columns; that is tensor_sum with columns=true (--columns)"},
    {"dare", "DARE drops elements of differences at random, as dare_linear and dare_ties do, and dropout in formulas"},
    {"sce", kNotBuilt},
    {"arceefusion", kNotBuilt},
});

}  // namespace

std::string foreign_method_advice(std::string_view name) {
  std::string letters;
  for (const char c : name)
    if (c != '_' && c != '-' && c != ' ') letters += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  const auto found = std::ranges::find(kForeign, letters, &ForeignMethod::letters);
  return found == kForeign.end() ? "" : std::string("; ") + found->advice;
}

}  // namespace ckmerge
