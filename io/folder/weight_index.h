// SPDX-License-Identifier: Apache-2.0
// The index of a checkpoint in several shards, "model.safetensors.index.json": in which of them each tensor is. It
// comes from strangers as the shards do, so that no name in it leads out of its folder.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ckmerge {

/// Names as flat arrays, as in a tensor table: an index may list a million.
class WeightIndex {
 public:
  /// Bytes of a text that is read: the largest that is known has 9 MB, for 92,000 tensors.
  static constexpr uint64_t kMaxSize = uint64_t{256} << 20;

  /// Throws Error(malformed) without the path: no JSON, no weight_map, a tensor listed twice, a file that is none in
  /// the index's own folder.
  explicit WeightIndex(std::string_view text);

  size_t size() const { return entries_.size(); }
  std::string_view tensor(size_t entry) const { return name_of(entries_[entry]); }  ///< sorted
  const std::string& file_of(size_t entry) const { return files_[entries_[entry].file]; }
  size_t find(std::string_view tensor) const;  ///< its entry, or npos
  static constexpr size_t npos = SIZE_MAX;

  const std::vector<std::string>& files() const { return files_; }    ///< base names, sorted
  bool has_metadata() const { return has_metadata_; }                 ///< which some loaders need
  std::optional<uint64_t> total_size() const { return total_size_; }  ///< bytes of all tensors, as it says

 private:
  struct Entry {
    uint64_t begin;
    uint32_t size, file;
  };
  std::string_view name_of(const Entry& entry) const {
    return std::string_view(names_).substr(entry.begin, entry.size);
  }
  void sort();

  std::string names_;
  std::vector<Entry> entries_;
  std::vector<std::string> files_;
  bool has_metadata_ = false;
  std::optional<uint64_t> total_size_;
};

/// Throws Error(io | malformed) with the path.
WeightIndex read_weight_index(const std::string& path);

}  // namespace ckmerge
