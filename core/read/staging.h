// SPDX-License-Identifier: Apache-2.0
// A worker's buffer for one tile, aligned for direct I/O.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <span>

#include "io/file/output_file.h"

namespace ckmerge {

class Staging {
 public:
  /// REQUIRES: `tile_size` is a multiple of OutputFile::kAlignment.
  explicit Staging(uint64_t tile_size)
      : memory_(static_cast<std::byte*>(std::aligned_alloc(OutputFile::kAlignment, tile_size))) {
    if (!memory_) throw std::bad_alloc();
  }
  std::span<std::byte> first(uint64_t size) { return {memory_.get(), size}; }

 private:
  struct Free {
    void operator()(std::byte* memory) const { std::free(memory); }
  };
  std::unique_ptr<std::byte, Free> memory_;
};

/// Zeros the room behind the bytes of a file's end, up to the next multiple of OutputFile::kAlignment, since direct I/O
/// writes it too before it is cut off: nothing of this process's memory goes to the disk. REQUIRES: it is there.
inline void clear_room_behind(std::span<std::byte> bytes) {
  const uint64_t past = bytes.size() % OutputFile::kAlignment;
  if (past != 0) std::memset(bytes.data() + bytes.size(), 0, OutputFile::kAlignment - past);
}

}  // namespace ckmerge
