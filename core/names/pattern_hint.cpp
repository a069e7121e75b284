// SPDX-License-Identifier: Apache-2.0
#include "core/names/pattern_hint.h"

#include "core/names/near_name.h"

namespace ckmerge {
namespace {

// The name that a pattern spells, where it is no more than a name; else empty.
std::string plain_name(std::string_view pattern) {
  if (pattern.starts_with('^')) pattern.remove_prefix(1);
  if (pattern.ends_with('$')) pattern.remove_suffix(1);
  std::string name;
  for (const char c : pattern) {
    if (std::string_view("[](){}*+?|^$").find(c) != std::string_view::npos) return "";
    if (c != '\\') name += c;
  }
  return name;
}

}  // namespace

std::string near_pattern(std::string_view pattern, std::span<const Checkpoint> checkpoints) {
  const std::string name = plain_name(pattern);
  if (name.size() < 3) return "";  // it is near everything
  NearestName nearest(name);
  for (const Checkpoint& checkpoint : checkpoints)
    for (size_t i = 0; i < checkpoint.tensors.size(); ++i) nearest.offer(checkpoint.tensors.name(i));
  return nearest.found().empty() ? "" : "; did you mean '" + nearest.found() + "'?";
}

}  // namespace ckmerge
