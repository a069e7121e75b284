// SPDX-License-Identifier: Apache-2.0
#include "cli/options/recipe_options.h"

#include <algorithm>
#include <array>

namespace ckmerge::cli {
namespace {

constexpr auto kMaps = std::to_array<std::string_view>({"dtype", "key", "rename", "set-metadata"});

struct Flag {
  std::string_view text;
  std::string_view word;
};
constexpr auto kFlags = std::to_array<Flag>(
    {{"true", "true"}, {"True", "true"}, {"TRUE", "true"}, {"false", "false"}, {"False", "false"}, {"FALSE", "false"}});

}  // namespace

const std::vector<std::string>& recipe_options() {
  static const std::vector<std::string> options{
      "add-prefix",     "copy-codes",    "discard",      "dtype",     "exclude", "expand",
      "first-channels", "extra",         "format",       "half",      "hash",    "key",
      "mend",           "merge-buffers", "metadata",     "missing",   "nan",     "only",
      "rename",         "set-metadata",  "strip-prefix", "underflow", "vae",     "wrap"};
  return options;
}

bool may_be_map_in_recipe(std::string_view option) { return std::ranges::find(kMaps, option) != kMaps.end(); }

std::string_view recipe_flag(std::string_view text) {
  const auto found = std::ranges::find(kFlags, text, &Flag::text);
  return found == kFlags.end() ? "" : found->word;
}

}  // namespace ckmerge::cli
