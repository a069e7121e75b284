// SPDX-License-Identifier: Apache-2.0
// Reading a whole file once: blocks that lie in the page cache are copied from there, others are read past it, which
// costs a third of the processor's time and pushes nothing out that somebody will read again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>

#include "io/file/input_file.h"

namespace ckmerge {

/// Memory for blocks, aligned for direct I/O. Large ones lie on a huge page where the system has them: the kernel pins
/// the pages of every direct read, which costs half as much when it is one.
class BlockBuffer {
 public:
  /// Throws std::bad_alloc.
  explicit BlockBuffer(uint64_t size);
  std::span<std::byte> first(uint64_t size) { return {memory_.get(), size}; }

 private:
  struct Free {
    void operator()(std::byte* memory) const { std::free(memory); }
  };
  std::unique_ptr<std::byte, Free> memory_;
};

class BlockReader {
 public:
  static constexpr uint64_t kAlignment = 4096;

  /// With `drop_cache`, what cannot be read past the page cache is taken out of it again.
  BlockReader(const InputFile& file, bool drop_cache);
  BlockReader(const BlockReader&) = delete;
  ~BlockReader();

  /// Fills `out` from `offset`. REQUIRES: both are aligned, and behind `out` there is room up to the next multiple of
  /// kAlignment, which may be written to. Throws as InputFile::read_at(). Thread-safe.
  void read(uint64_t offset, std::span<std::byte> out) const;

 private:
  bool is_cached(uint64_t offset, uint64_t size) const;
  bool read_directly(uint64_t offset, std::span<std::byte> out) const;

  const InputFile& file_;
  const bool drop_cache_;
  int direct_ = -1;      // a second descriptor, for direct I/O; -1 where the filesystem has none
  void* map_ = nullptr;  // of the whole file, for mincore() only: never touched
};

}  // namespace ckmerge
