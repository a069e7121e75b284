// SPDX-License-Identifier: Apache-2.0
#include "cli/options/method_name.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "cli/system/text.h"
#include "io/text/error.h"

namespace ckmerge::cli {
namespace {

// Methods of other programs that are none of ours, by the letters of their names, and what comes near them.
struct Stranger {
  std::string_view name;
  const char* advice;
};
constexpr auto kStrangers = std::to_array<Stranger>({
    {"tensor2", "supermerger's tensor2 takes columns; that is tensor_sum with --columns"},
    {"sad", "sAD smooths the difference, which no method here does; add_difference takes it as it is"},
    {"smoothadd", "smoothAdd smooths the difference, which no method here does; add_difference takes it as it is"},
    {"dare", "DARE drops elements of differences at random, as --formula 'A + dropout(B - A, density=0.5)' does"},
    {"darelinear",
     "dare_linear adds differences of which elements are dropped at random, as --formula 'A + dropout(B - A, "
     "density=0.5)' does; mergekit's divides by what is left of the sum of magnitudes"},
    {"dareties",
     "dare_ties elects signs, which no method here does; --formula 'A + dropout(B - A, density=0.5)' drops "
     "elements at random, as DARE does"},
});

const Stranger* stranger_called(const std::string& name) {
  std::string letters;
  for (const char c : name)
    if (c != '_' && c != '-' && c != ' ') letters += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  const auto found = std::ranges::find(kStrangers, letters, &Stranger::name);
  return found == kStrangers.end() ? nullptr : &*found;
}

std::vector<std::string> method_names() {
  std::vector<std::string> names;
  for (const Method& method : ckmerge::methods()) names.emplace_back(method.spec->name);
  return names;
}

// With what other programs call them.
std::vector<std::string> all_names() {
  std::vector<std::string> names = method_names();
  for (const Method& method : ckmerge::methods())
    for (const char* const alias : method.spec->aliases)
      if (alias) names.emplace_back(alias);
  return names;
}

}  // namespace

const MethodSpec& method_called(const std::string& where, const std::string& name) {
  if (const Method* method = find_method(name)) return *method->spec;
  if (const Stranger* const stranger = stranger_called(name))
    throw Error(ErrorCode::usage, where, "unknown method '" + name + "'; " + stranger->advice);
  const std::string near = did_you_mean(name, all_names());
  throw Error(
      ErrorCode::usage, where,
      "unknown method '" + name + "'" + (near.empty() ? "; the methods are " + joined(method_names(), ", ") : near));
}

}  // namespace ckmerge::cli
