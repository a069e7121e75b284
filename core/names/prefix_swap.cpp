// SPDX-License-Identifier: Apache-2.0
#include "core/names/prefix_swap.h"

#include <algorithm>
#include <vector>

namespace ckmerge {
namespace {

using std::string_view;

constexpr size_t kSamples = 8;     // names whose stems are looked for
constexpr size_t kMostRivals = 8;  // places of one stem that are tried
constexpr size_t kMostTried = 12;  // swaps, each of which costs a search for every name

// Bytes of the longest stem, of whole components, that both names end with.
size_t common_stem(string_view a, string_view b) {
  const size_t most = std::min(a.size(), b.size());
  size_t same = 0, stem = 0;
  while (same < most && a[a.size() - 1 - same] == b[b.size() - 1 - same]) {
    ++same;
    const auto begins = [&](string_view name) { return same == name.size() || name[name.size() - 1 - same] == '.'; };
    if (begins(a) && begins(b)) stem = same;
  }
  return stem;
}

uint64_t dots(string_view text) { return static_cast<uint64_t>(std::ranges::count(text, '.')); }

// Inpainting models have more channels (core/plan/step_planner).
bool fits(Shape a, Shape b) {
  if (std::ranges::equal(a, b)) return true;
  return a.size() == b.size() && a.size() == 4 && a[0] == b[0] && std::max(a[1], b[1]) <= 9 &&
         std::min(a[1], b[1]) == 4 && std::ranges::equal(a.subspan(2), b.subspan(2));
}

class Search {
 public:
  Search(NamedRows from, NamedRows to) : from_(from), to_(to) {}

  std::optional<PrefixSwap> find() {
    const size_t samples = std::min(kSamples, from_.rows.size());
    for (size_t s = 0; s < samples; ++s) try_name(from_.tensors[from_.rows[s * from_.rows.size() / samples]].name);
    if (tried_.empty()) return std::nullopt;
    const auto better = [](const PrefixSwap& a, const PrefixSwap& b) { return a.matches < b.matches; };
    PrefixSwap best = *std::ranges::max_element(tried_, better);
    best.has_rival = std::ranges::count(tried_, best.matches, &PrefixSwap::matches) > 1;
    if (best.matches == 0) return std::nullopt;
    return best;
  }

 private:
  // Looks for the longest stem that any name of the other file has, and tries every prefix that it has there.
  void try_name(string_view name) {
    if (std::ranges::any_of(tried_, [&](const PrefixSwap& swap) { return becomes_known(swap, name); })) return;
    size_t longest = 1;
    std::vector<string_view> prefixes;
    for (const uint32_t row : to_.rows) {
      const string_view other = to_.tensors[row].name;
      const size_t stem = common_stem(name, other);
      if (stem < longest) continue;
      if (stem > longest) prefixes.clear();
      longest = stem;
      const string_view prefix = other.substr(0, other.size() - stem);
      if (prefixes.size() < kMostRivals && std::ranges::find(prefixes, prefix) == prefixes.end())
        prefixes.push_back(prefix);
    }
    for (const string_view prefix : prefixes) try_swap(name.substr(0, name.size() - longest), prefix);
  }

  void try_swap(string_view strip, string_view add) {
    const auto known = [&](const PrefixSwap& swap) { return swap.strip == strip && swap.add == add; };
    if (strip == add || tried_.size() == kMostTried || std::ranges::any_of(tried_, known)) return;
    PrefixSwap swap{.strip = std::string(strip), .add = std::string(add)};
    for (const uint32_t row : from_.rows) {
      const Tensor tensor = from_.tensors[row];
      const size_t found = place(swap, tensor.name);
      if (found == TensorTable::npos) continue;
      ++swap.matches;
      swap.misfits += !fits(tensor.shape, to_.tensors[found].shape);
      swap.deepest = std::max(swap.deepest, dots(tensor.name.substr(swap.strip.size())));
    }
    tried_.push_back(std::move(swap));
  }

  size_t place(const PrefixSwap& swap, string_view name) {
    if (!name.starts_with(swap.strip) || name.size() == swap.strip.size()) return TensorTable::npos;
    name_ = swap.add;
    name_ += name.substr(swap.strip.size());
    const size_t found = to_.tensors.find(name_);
    const bool meant = found != TensorTable::npos && std::ranges::binary_search(to_.rows, static_cast<uint32_t>(found));
    return meant ? found : TensorTable::npos;
  }
  bool becomes_known(const PrefixSwap& swap, string_view name) { return place(swap, name) != TensorTable::npos; }

  NamedRows from_, to_;
  std::vector<PrefixSwap> tried_;
  std::string name_;  // reused
};

}  // namespace

std::optional<PrefixSwap> find_prefix_swap(NamedRows from, NamedRows to) { return Search(from, to).find(); }

}  // namespace ckmerge
