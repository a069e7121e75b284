// SPDX-License-Identifier: Apache-2.0
// A file that has no name, beside an output, for numbers that would take more memory than there is for them. It is gone
// with its descriptor, whatever becomes of the process.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "io/file/descriptor_pool.h"

namespace ckmerge {

/// take() is one thread's at a time, all else any thread's. Throws Error(resources) where the disk is full, Error(io)
/// for all other faults.
class ScratchFile {
 public:
  /// In the folder of `target`, once something is taken of it.
  explicit ScratchFile(std::string target) : target_(std::move(target)) {}

  /// So many bytes of the disk, all zero; the offset at which they begin.
  uint64_t take(uint64_t size);
  /// Gives them back to the disk, where the filesystem can.
  void give_back(uint64_t offset, uint64_t size) noexcept;

  void read(uint64_t offset, std::span<std::byte> into) const;
  void write(uint64_t offset, std::span<const std::byte> bytes);

 private:
  void open_it();

  const std::string target_;
  std::optional<OpenDescriptor> file_;
  uint64_t size_ = 0;
};

}  // namespace ckmerge
