// SPDX-License-Identifier: Apache-2.0
#include "core/inputs/equated_names.h"

#include <algorithm>
#include <map>
#include <unordered_map>

#include "core/families/spellings.h"
#include "core/names/any_numbers.h"
#include "core/names/lacking_names.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

using std::string_view;

constexpr uint32_t kSeveral = UINT32_MAX;

struct Named {
  uint32_t row = 0;  // kSeveral: it cannot be told which is meant
  PlainName plain;
};

// By plain name and shape.
using ByMeaning = std::unordered_map<std::string, Named>;

std::string meaning(const PlainName& plain, Shape shape) {
  std::string key = plain.text;
  for (const uint64_t dimension : shape) key += sentence(",", dimension);
  return key;
}

ByMeaning by_meaning(const TensorTable& tensors, const std::vector<uint32_t>& rows) {
  ByMeaning named;
  named.reserve(rows.size());
  for (const uint32_t row : rows) {
    const Tensor tensor = tensors[row];
    PlainName plain = plain_name(tensor.name);
    const std::string key = meaning(plain, tensor.shape);
    const auto [place, is_new] = named.try_emplace(key, Named{row, std::move(plain)});
    if (!is_new) place->second.row = kSeveral;
  }
  return named;
}

size_t common_front(string_view a, string_view b) {
  size_t same = 0, front = 0;
  for (; same < std::min(a.size(), b.size()) && a[same] == b[same]; ++same)
    if (a[same] == '.') front = same + 1;
  return front;
}

// Of whole components, and not of what `front` has.
size_t common_back(string_view a, string_view b, size_t front) {
  size_t same = 0, back = 0;
  const auto begins = [&](string_view name) {
    return same == name.size() - front || name[name.size() - 1 - same] == '.';
  };
  while (same + front < std::min(a.size(), b.size()) && a[a.size() - 1 - same] == b[b.size() - 1 - same]) {
    ++same;
    if (begins(a) && begins(b)) back = same;
  }
  return back;
}

// What of two names differs, with the component in front where on one side nothing does.
std::string change(string_view theirs, string_view own) {
  size_t front = common_front(theirs, own);
  const size_t back = common_back(theirs, own, front);
  const auto middle = [&](string_view name) { return name.substr(front, name.size() - front - back); };
  if ((middle(theirs).empty() || middle(own).empty()) && front > 1) {
    const size_t dot = theirs.rfind('.', front - 2);
    front = dot == string_view::npos ? 0 : dot + 1;
  }
  const auto shown = [&](string_view name) {
    string_view part = middle(name);
    if (part.ends_with('.')) part.remove_suffix(1);
    return part.empty() ? std::string("no prefix") : with_any_numbers(part);
  };
  return sentence(shown(theirs), " as ", shown(own));
}

}  // namespace

EquatedNames equate_names(const Checkpoint& first, Checkpoint& other) {
  EquatedNames equated;
  const LackingNames lacking = lacking_names(first.tensors, other.tensors);
  if (!lacking.on_both_sides()) return equated;
  const ByMeaning own = by_meaning(first.tensors, lacking.of_first);
  const ByMeaning theirs = by_meaning(other.tensors, lacking.of_other);
  const uint32_t own_tower = sole_tower(first.tensors), their_tower = sole_tower(other.tensors);
  std::unordered_map<std::string, std::string> renamed;
  std::map<std::string, size_t> seen;
  for (const auto& [key, named] : theirs) {
    const auto found = own.find(key);
    if (found == own.end() || found->second.row == kSeveral || named.row == kSeveral) continue;
    if (may_be_one(in_tower(found->second.plain, own_tower), in_tower(named.plain, their_tower)))
      renamed.emplace(other.tensors.name(named.row), first.tensors.name(found->second.row));
  }
  if (renamed.empty()) return equated;
  for (const auto& [from, to] : renamed) ++seen[change(from, to)];
  for (const auto& [text, count] : seen) equated.changes.push_back(text);
  equated.count = renamed.size();
  other.rename([&](string_view name) {
    const auto found = renamed.find(std::string(name));
    return found == renamed.end() ? std::string(name) : found->second;
  });
  return equated;
}

}  // namespace ckmerge
