// SPDX-License-Identifier: Apache-2.0
#include "core/names/name_hint.h"

#include <algorithm>
#include <string_view>

namespace ckmerge {
namespace {

// Prefixes of whole pipelines, of bare networks and of the tools between them. A file whose own prefix is one of these
// is compared without it.
constexpr std::string_view kKnownPrefixes[] = {"",
                                               "model.diffusion_model.",
                                               "diffusion_model.",
                                               "transformer.",
                                               "unet.",
                                               "first_stage_model.",
                                               "vae.",
                                               "model.",
                                               "module.",
                                               "base_model.model."};

constexpr size_t kSamples = 8;  // names of the shorter side that are tried

struct Match {
  std::string remove, add;  // from names of the shorter side, to names of the longer
  size_t count = 0;
};

size_t count_matches(const TensorTable& shorter, const TensorTable& longer, const Match& match) {
  size_t count = 0;
  std::string name;
  for (size_t i = 0; i < shorter.size(); ++i) {
    const std::string_view original = shorter[i].name;
    if (!original.starts_with(match.remove)) continue;
    name = match.add;
    name += original.substr(match.remove.size());
    count += longer.find(name) != TensorTable::npos;
  }
  return count;
}

// Tries the prefix that would turn `name`, without `remove`, into some name of `longer`.
void try_name(std::string_view name, std::string_view remove, const TensorTable& shorter, const TensorTable& longer,
              Match& best) {
  const std::string_view stem = name.substr(remove.size());
  if (stem.empty()) return;
  for (size_t i = 0; i < longer.size(); ++i) {
    const std::string_view candidate = longer[i].name;
    if (!candidate.ends_with(stem)) continue;
    const std::string_view add = candidate.substr(0, candidate.size() - stem.size());
    if (!add.empty() && add.back() != '.') continue;
    Match match{std::string(remove), std::string(add)};
    if (match.remove == best.remove && match.add == best.add) return;
    match.count = count_matches(shorter, longer, match);
    if (match.count > best.count) best = match;
    return;  // the first candidate decides: another would pair a tensor with two places
  }
}

Match best_match(const TensorTable& shorter, const TensorTable& longer) {
  Match best;
  const size_t samples = std::min(kSamples, shorter.size());
  for (size_t s = 0; s < samples; ++s) {
    const std::string_view name = shorter[s * shorter.size() / samples].name;
    for (const std::string_view remove : kKnownPrefixes)
      if (name.starts_with(remove)) try_name(name, remove, shorter, longer, best);
  }
  return best;
}

std::string describe(const Match& match, const std::string& shorter_path, size_t total,
                     const std::string& longer_path) {
  std::string text = std::to_string(match.count) + " of the " + std::to_string(total) + " names of " + shorter_path +
                     " are in " + longer_path;
  if (!match.remove.empty()) text += " without the prefix '" + match.remove + "'";
  if (!match.add.empty())
    text += std::string(match.remove.empty() ? "" : " and") + " with the prefix '" + match.add + "'";
  return text;
}

}  // namespace

std::string prefix_hint(const TensorTable& a, const std::string& a_path, const TensorTable& b,
                        const std::string& b_path) {
  const Match from_b = best_match(b, a), from_a = best_match(a, b);
  if (from_a.count == 0 && from_b.count == 0) return "";
  return from_b.count >= from_a.count ? describe(from_b, b_path, b.size(), a_path)
                                      : describe(from_a, a_path, a.size(), b_path);
}

}  // namespace ckmerge
