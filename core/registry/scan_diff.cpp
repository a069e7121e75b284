// SPDX-License-Identifier: Apache-2.0
#include "core/registry/scan_diff.h"

#include <algorithm>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <unordered_set>

#include "core/registry/examine.h"
#include "io/folder/shard_names.h"
#include "io/hash/checkpoint_names.h"
#include "io/input_forms.h"

namespace ckmerge {
namespace {

std::string_view base_name(std::string_view path) { return path.substr(path.rfind('/') + 1); }

// Entries whose file was not found, by what a move leaves as it was.
class MissingEntries {
 public:
  MissingEntries(const std::vector<RegisteredFile>& entries, std::span<const FoundFile> found) {
    std::unordered_set<std::string_view> there;
    for (const FoundFile& file : found) there.insert(file.path);
    for (const RegisteredFile& entry : entries)
      if (!there.contains(entry.path) && entry.settled) by_size_.emplace(entry.state.size, &entry);
  }

  // The entry that `file` had at its old place. A rename keeps the inode; a move to another disk keeps name and
  // modification time, which no other file has to the nanosecond.
  const RegisteredFile* moved_to(const FoundFile& file) {
    const auto [begin, end] = by_size_.equal_range(file.state.size);
    for (auto candidate = begin; candidate != end; ++candidate) {
      const RegisteredFile& entry = *candidate->second;
      const bool same_time = entry.state.mtime_seconds == file.state.mtime_seconds &&
                             entry.state.mtime_nanoseconds == file.state.mtime_nanoseconds;
      const bool renamed = entry.state.same_file(file.state);
      const bool carried = file.state.mtime_nanoseconds != 0 && base_name(entry.path) == base_name(file.path);
      if (!same_time || (!renamed && !carried) || !is_gone(entry.path)) continue;
      by_size_.erase(candidate);
      return &entry;
    }
    return nullptr;
  }

 private:
  std::unordered_multimap<uint64_t, const RegisteredFile*> by_size_;
};

bool is_below_any(const std::string& path, std::span<const RegistryRoot> roots) {
  return std::ranges::any_of(roots, [&](const RegistryRoot& root) { return is_below(path, root); });
}

// Further shards have come to a first one, or are gone.
bool is_of_another_set(const RegisteredFile& known) {
  return (known.form == folder_form().recorded) == shards_from(known.path).empty();
}

}  // namespace

bool is_below(const std::string& path, const RegistryRoot& root) {
  if (root.path == "/") return true;
  return path.size() > root.path.size() && path.starts_with(root.path) && path[root.path.size()] == '/';
}

const RegistryRoot* deepest_root(const std::string& path, std::span<const RegistryRoot> roots) {
  const RegistryRoot* deepest = nullptr;
  for (const RegistryRoot& root : roots)
    if (is_below(path, root) && (!deepest || root.path.size() > deepest->path.size())) deepest = &root;
  return deepest;
}

std::string name_below(const std::string& path, std::span<const RegistryRoot> roots) {
  const RegistryRoot* const root = deepest_root(path, roots);
  if (!root) return std::string(telling_name(path));
  return path.substr(root->path == "/" ? 1 : root->path.size() + 1);
}

ScanDiff compare(std::span<const FoundFile> found, const std::vector<RegisteredFile>& entries,
                 std::span<const RegistryRoot> scanned, std::span<const RegistryRoot> all_roots) {
  std::unordered_map<std::string_view, const RegisteredFile*> by_path;
  for (const RegisteredFile& entry : entries) by_path.emplace(entry.path, &entry);
  MissingEntries missing(entries, found);
  std::unordered_set<const RegisteredFile*> settled_elsewhere;
  ScanDiff diff;
  for (const FoundFile& file : found) {
    const auto entry = by_path.find(file.path);
    const std::string name = name_below(file.path, all_roots);
    const std::string root_kind = deepest_root(file.path, all_roots)->kind;
    if (entry == by_path.end()) {
      const RegisteredFile* const old = missing.moved_to(file);
      if (old) settled_elsewhere.insert(old);
      diff.examine.push_back({file.path, name, root_kind, old ? std::optional(*old) : std::nullopt, old == nullptr});
      continue;
    }
    const RegisteredFile& known = *entry->second;
    const bool same = known.same_state(file.state) && !is_of_another_set(known);
    same ? ++diff.unchanged : ++diff.changed;
    if (!same || !known.settled || known.gone || known.examiner != kExaminer || known.name != name)
      diff.examine.push_back({file.path, name, root_kind, std::nullopt, false});
    by_path.erase(entry);
  }
  for (const auto& [path, entry] : by_path) {
    if (!entry->gone && is_below_any(entry->path, scanned) && !settled_elsewhere.contains(entry) &&
        is_gone(entry->path))
      diff.gone.push_back(*entry);
  }
  return diff;
}

}  // namespace ckmerge
