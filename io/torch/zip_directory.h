// SPDX-License-Identifier: Apache-2.0
// The central directory of a zip archive, read strictly: an archive that two programs could understand differently is
// refused. Only stored entries can be mapped; others are listed and never unpacked. Names are compared, never used as
// paths.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "io/file/input_file.h"

namespace ckmerge {

struct ZipEntry {
  uint64_t header = 0;   ///< offset of its local header
  uint64_t payload = 0;  ///< offset of its first byte
  uint64_t size = 0;
  uint64_t packed = 0;  ///< bytes in the archive: `size`, unless it is compressed
  uint64_t name_begin = 0;
  uint32_t crc = 0;  ///< as the directory says
  uint16_t name_size = 0;
  uint16_t flags = 0;
  uint16_t method = 0;
};

class ZipDirectory {
 public:
  /// Throws Error(malformed) without the path, Error(io).
  explicit ZipDirectory(const InputFile& file);
  ZipDirectory(const ZipDirectory&) = delete;
  ZipDirectory& operator=(const ZipDirectory&) = delete;

  size_t size() const { return entries_.size(); }
  const ZipEntry& operator[](size_t index) const { return entries_[index]; }
  std::string_view name(const ZipEntry& entry) const { return {names_.data() + entry.name_begin, entry.name_size}; }

  /// Whether any entry is compressed.
  bool compressed() const { return compressed_; }

  /// Null when there is none. `guess`, if any, is looked at first.
  const ZipEntry* find(std::string_view name, const ZipEntry* guess = nullptr) const;

  /// The entry behind `entry` in the file, or null.
  const ZipEntry* next(const ZipEntry* entry) const { return entry < &entries_.back() ? entry + 1 : nullptr; }

 private:
  void read_entries(const InputFile& file, uint64_t begin, uint64_t end, uint64_t count);
  void add(const unsigned char* record, uint64_t directory_begin);
  void index_names();
  void check_local_headers(const InputFile& file, uint64_t directory_begin);

  std::vector<ZipEntry> entries_;
  bool compressed_ = false;
  std::string names_;
  std::unordered_map<std::string_view, uint32_t> by_name_;
};

}  // namespace ckmerge
