// SPDX-License-Identifier: Apache-2.0
#include "core/mergekit/other_spellings.h"

#include <algorithm>

#include "io/text/sentence.h"

namespace ckmerge {
namespace {

// Of names that end alike more are no two spellings of one model; what hostile tables multiply to.
constexpr size_t kMostAlike = 64;

std::string_view last_two(std::string_view name) {
  const size_t last = name.rfind('.');
  if (last == name.npos || last == 0) return name;
  const size_t before = name.rfind('.', last - 1);
  return before == name.npos ? name : name.substr(before + 1);
}

// "model.language_model." of model.language_model.layers; empty of h.
std::string_view parent_of(std::string_view run) {
  const size_t dot = run.rfind('.');
  return dot == run.npos ? std::string_view() : run.substr(0, dot + 1);
}

bool ends_in(std::string_view longer, std::string_view shorter) {
  return longer.size() > shorter.size() && longer.ends_with(shorter) &&
         longer[longer.size() - shorter.size() - 1] == '.';
}

}  // namespace

std::vector<std::string> OtherSpellings::of(std::string_view name) const {
  std::vector<std::string> spellings;
  for (size_t input = 1; input < trees_.inputs().checkpoints.size(); ++input) {
    if (trees_.inputs().checkpoints[input].tensors.find(name) != TensorTable::npos) continue;
    std::string other = in_run(input, name);
    if (other.empty()) other = by_end(input, name);
    if (!other.empty() && std::ranges::find(spellings, other) == spellings.end()) spellings.push_back(std::move(other));
  }
  return spellings;
}

// Of a layer, or of what lies where a run of layers does (language_model.model.norm).
std::string OtherSpellings::in_run(size_t input, std::string_view name) const {
  for (const LayerRun& mine : trees_.runs_of(0)) {
    const LayerRun* const theirs = trees_.run_of(input, mine.prefix);
    if (!theirs || theirs->prefix == mine.prefix) continue;
    std::string other;
    if (name_in_run(name, mine.prefix))
      other = sentence(theirs->prefix, name.substr(mine.prefix.size()));
    else if (const std::string_view parent = parent_of(mine.prefix); name.starts_with(parent))
      other = sentence(parent_of(theirs->prefix), name.substr(parent.size()));
    if (!other.empty() && trees_.inputs().checkpoints[input].tensors.find(other) != TensorTable::npos) return other;
  }
  return "";
}

// The only one that ends in the name, or in which the name ends: transformer.wte.weight, wte.weight.
std::string OtherSpellings::by_end(size_t input, std::string_view name) const {
  const auto [first, last] = strangers(input).equal_range(last_two(name));
  if (std::distance(first, last) > static_cast<std::ptrdiff_t>(kMostAlike)) return "";
  std::string_view found;
  for (auto at = first; at != last; ++at) {
    if (!ends_in(at->second, name) && !ends_in(name, at->second)) continue;
    if (!found.empty()) return "";
    found = at->second;
  }
  return std::string(found);
}

const OtherSpellings::Strangers& OtherSpellings::strangers(size_t input) const {
  const auto [entry, is_new] = strangers_.try_emplace(input);
  if (!is_new) return entry->second;
  const TensorTable &mine = trees_.inputs().checkpoints[0].tensors,
                    &theirs = trees_.inputs().checkpoints[input].tensors;
  for (size_t i = 0; i < theirs.size(); ++i)
    if (mine.find(theirs.name(i)) == TensorTable::npos) entry->second.emplace(last_two(theirs.name(i)), theirs.name(i));
  return entry->second;
}

}  // namespace ckmerge
