// SPDX-License-Identifier: Apache-2.0
#include "io/hash/checkpoint_names.h"

#include <algorithm>

#include "io/hash/sha256.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

// Python's os.path.splitext: dots at the beginning of a base name begin no extension.
std::string_view without_extension(std::string_view path) {
  const size_t base = path.rfind('/') + 1;  // npos + 1 is 0
  const size_t first = path.find_first_not_of('.', base);
  const size_t dot = path.rfind('.');
  if (dot == path.npos || first == path.npos || dot < first) return path;
  return path.substr(0, dot);
}

}  // namespace

CheckpointNames checkpoint_names(std::string_view name, std::string_view legacy_hash, std::string_view sha256) {
  CheckpointNames out;
  out.name = name;
  out.name_for_extra = without_extension(name.substr(name.rfind('/') + 1));
  std::string flat(name);
  for (char& c : flat)
    if (c == '/' || c == '\\') c = '_';
  out.model_name = without_extension(flat);
  out.short_hash = short_hash(sha256);
  const auto with = [](std::string_view text, std::string_view hash) { return sentence(text, " [", hash, "]"); };
  out.title = sha256.empty() ? out.name : with(name, out.short_hash);
  out.short_title = sha256.empty() ? out.name_for_extra : with(out.name_for_extra, out.short_hash);
  std::vector<std::string> all{std::string(legacy_hash), out.model_name, out.title, out.name, out.name_for_extra};
  if (!legacy_hash.empty()) all.push_back(with(name, legacy_hash));
  if (!sha256.empty())
    for (const std::string& alias : {out.short_hash, std::string(sha256), out.short_title}) all.push_back(alias);
  for (const std::string& alias : all)
    if (!alias.empty() && std::ranges::find(out.aliases, alias) == out.aliases.end()) out.aliases.push_back(alias);
  return out;
}

}  // namespace ckmerge
