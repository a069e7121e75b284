// SPDX-License-Identifier: Apache-2.0
// What of a .ckpt is neither pickle nor tensor: the local headers between the entries of its zip archive, the central
// directory and the records that end it. Where they lie is known before the first byte is computed, and so is what they
// say, save the entries' CRC-32 sums, its seals.
#pragma once

#include <string>

#include "io/table/output_frame.h"

namespace ckmerge {

class ZipFrame : public OutputFrame {
 public:
  /// The archive of stored entries archive/data.pkl, archive/data/0, archive/data/1, ... and archive/version, in this
  /// order. Throws Error(resources) when 64 bits cannot count its bytes.
  ZipFrame(uint64_t pickle_size, std::span<const uint64_t> storage_sizes);

  size_t entry_count() const { return entries_.size(); }
  uint64_t pickle_offset() const { return entries_.front().data; }
  uint64_t storage_offset(size_t k) const { return entries_[k + 1].data; }  ///< of data/k; a multiple of 64
  uint64_t file_size() const { return end_; }

  /// The file's bytes in front of the pickle, whose sum is `crc`.
  std::string first_header(uint32_t crc) const;

  /// The sum of the last entry, which says that the form of the pickle is 3.
  static uint32_t version_crc();

  // As OutputFrame has them. The first local header belongs to the file's header, not to the frame; each entry has a
  // sum.
  void fill(uint64_t begin, std::span<std::byte> out, Sums sums) const override;
  bool matches(uint64_t begin, std::span<const std::byte> bytes, Sums sums) const override;
  bool has_seals() const override { return true; }
  std::vector<uint32_t> sums(std::span<const uint32_t> tensors, std::string_view header) const override;
  void for_each_seal(uint64_t begin, uint64_t end, const std::function<void(uint64_t, uint64_t)>& visit) const override;
  uint64_t memory() const override { return entries_.capacity() * sizeof(Entry); }

 private:
  struct Entry {
    uint64_t header;     ///< offset of its local header
    uint64_t data;       ///< offset of its bytes, which follow the header
    uint64_t size;       ///< of its bytes
    uint64_t directory;  ///< offset of its record in the central directory
  };
  std::string name_of(size_t i) const;
  std::string local_header(size_t i, uint32_t crc) const;
  std::string directory_record(size_t i, uint32_t crc) const;
  std::string end_records() const;
  void add_entry(uint64_t size);
  size_t first_header_after(uint64_t offset) const;
  void visit_pieces(uint64_t begin, uint64_t end, Sums sums, const auto& visit) const;

  size_t count_ = 0;
  std::vector<Entry> entries_;
  uint64_t directory_ = 0, directory_end_ = 0, end_ = 0;
};

}  // namespace ckmerge
