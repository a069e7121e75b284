// SPDX-License-Identifier: Apache-2.0
#include "io/table/metadata.h"

#include <algorithm>

namespace ckmerge {

void keep_last_of_equal_keys(Metadata& metadata) {
  const auto by_key = [](const auto& a, const auto& b) { return a.first < b.first; };
  const auto same_key = [](const auto& a, const auto& b) { return a.first == b.first; };
  std::stable_sort(metadata.begin(), metadata.end(), by_key);
  // unique() keeps the first of a run, and the run's last in file order is the first from behind.
  metadata.erase(metadata.begin(), std::unique(metadata.rbegin(), metadata.rend(), same_key).base());
}

std::vector<const Metadata::value_type*> entries_by_key(const Metadata& metadata) {
  std::vector<const Metadata::value_type*> entries;
  for (const auto& entry : metadata) entries.push_back(&entry);
  std::sort(entries.begin(), entries.end(), [](auto* a, auto* b) { return a->first < b->first; });
  return entries;
}

}  // namespace ckmerge
