// SPDX-License-Identifier: Apache-2.0
#include "core/names/near_name.h"

#include <algorithm>
#include <array>
#include <cassert>

namespace ckmerge {
namespace {

// Bytes of names that are compared before the search ends: four million names of usual length, or a second's work when
// all of them are alike.
constexpr uint64_t kMostCompared = 256ull << 20;

void drop_common_ends(std::string_view& a, std::string_view& b) {
  const auto differ = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  const auto same = static_cast<size_t>(differ.first - a.begin());
  a.remove_prefix(same);
  b.remove_prefix(same);
  while (!a.empty() && !b.empty() && a.back() == b.back()) {
    a.remove_suffix(1);
    b.remove_suffix(1);
  }
}

// One row of the table of distances, as far as it can matter: entry d is column row + d - limit.
using Band = std::array<size_t, 2 * kMostEdits + 1>;

struct Bands {
  Band before, last, row;
};

// The entry d of row i, column j, both from 1.
size_t cell(const Bands& bands, std::string_view a, std::string_view b, size_t i, size_t j, size_t d, size_t width) {
  size_t best = bands.last[d] + (a[i - 1] != b[j - 1]);
  if (d + 1 < width) best = std::min(best, bands.last[d + 1] + 1);
  if (d > 0) best = std::min(best, bands.row[d - 1] + 1);
  const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
  return swapped ? std::min(best, bands.before[d] + 1) : best;
}

// `name` up to and with its `dots`th dot; all of it where it has fewer.
std::string_view prefix_of(std::string_view name, size_t dots) {
  size_t end = 0;
  for (; dots > 0; --dots) {
    const size_t dot = name.find('.', end);
    if (dot == name.npos) return name;
    end = dot + 1;
  }
  return name.substr(0, end);
}

}  // namespace

NearestName::NearestName(std::string_view typed) : typed_(typed), limit_(edits_allowed(typed)) {
  if (typed.ends_with('.')) dots_ = static_cast<size_t>(std::count(typed.begin(), typed.end(), '.'));
}

size_t edits_allowed(std::string_view typed) { return std::clamp<size_t>(typed.size() / 3, 1, kMostEdits); }

size_t edit_distance(std::string_view a, std::string_view b, size_t limit) {
  assert(limit <= kMostEdits);
  drop_common_ends(a, b);
  if (a.size() < b.size()) std::swap(a, b);
  const size_t far = limit + 1, width = 2 * limit + 1;
  if (a.size() - b.size() > limit) return far;
  Bands bands;
  bands.before.fill(far);
  bands.last.fill(far);
  for (size_t j = 0; j <= std::min(limit, b.size()); ++j) bands.last[limit + j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    bands.row.fill(far);
    size_t least = far;
    for (size_t d = 0; d < width; ++d) {
      if (i + d < limit || i + d - limit > b.size()) continue;
      const size_t j = i + d - limit;
      bands.row[d] = std::min(far, j == 0 ? i : cell(bands, a, b, i, j, d, width));
      least = std::min(least, bands.row[d]);
    }
    if (least == far) return far;
    bands.before = bands.last;
    bands.last = bands.row;
  }
  return bands.last[limit - (a.size() - b.size())];
}

void NearestName::offer(std::string_view name) {
  if (dots_ > 0) name = prefix_of(name, dots_);
  const size_t longer = std::max(name.size(), typed_.size()), shorter = std::min(name.size(), typed_.size());
  if (name.empty() || limit_ == 0 || compared_ > kMostCompared) return;
  if (longer - shorter <= limit_) {
    compared_ += longer;
    const size_t edits = edit_distance(typed_, name, limit_);
    if (edits > limit_) return;
    near_ = name;
    limit_ = std::max<size_t>(edits, 1) - 1;
  } else if (near_.empty() && name.size() > unprefixed_.size() && typed_.ends_with(name)) {
    if (typed_[typed_.size() - name.size() - 1] == '.') unprefixed_ = name;
  }
}

std::string nearest_name(std::string_view typed, const TensorTable& names) {
  NearestName nearest(typed);
  for (size_t i = 0; i < names.size(); ++i) nearest.offer(names[i].name);
  return nearest.found();
}

std::string nearest_name(std::string_view typed, std::span<const std::string> names) {
  NearestName nearest(typed);
  for (const std::string& name : names) nearest.offer(name);
  return nearest.found();
}

}  // namespace ckmerge
