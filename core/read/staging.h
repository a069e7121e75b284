// SPDX-License-Identifier: Apache-2.0
// A worker's buffer for one tile, aligned for direct I/O.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
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

}  // namespace ckmerge
