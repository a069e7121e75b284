// SPDX-License-Identifier: Apache-2.0
#include "cli/options/method_name.h"

#include <vector>

#include "cli/system/text.h"
#include "core/recipe/foreign_method.h"
#include "io/text/error.h"

namespace ckmerge::cli {
namespace {

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
  if (const std::string advice = foreign_method_advice(name); !advice.empty())
    throw Error(ErrorCode::usage, where, "unknown method '" + name + "'" + advice);
  const std::string near = did_you_mean(name, all_names());
  throw Error(
      ErrorCode::usage, where,
      "unknown method '" + name + "'" + (near.empty() ? "; the methods are " + joined(method_names(), ", ") : near));
}

}  // namespace ckmerge::cli
