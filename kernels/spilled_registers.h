// SPDX-License-Identifier: Apache-2.0
// Memory for the registers of programs that have more than the stack holds.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <new>

#include "kernels/block_kernels.h"

namespace ckmerge {

// Registers of long programs: bytes for blocks of values and where each block is. Two programs may run at a time
// (add_products()).
class SpilledRegisters {
 public:
  static constexpr size_t kAtOnce = 2;
  // Elements of a block. Measured with nested differences of f32 on one thread of a Xeon (2 MiB of L2), AVX-512, ns for
  // an element and instruction in blocks of 16, 64, 128 and 256: with 100 registers 0.29, 0.10, 0.09, 0.08, with 500
  // 0.88, 0.12, 0.10, 0.08, with 2,000, of which 256 elements just fill L2, 1.06, 0.51, 0.43, 0.10. With 60 on the
  // stack it is 0.08.
  static size_t block_length(size_t registers) {
    constexpr size_t kLongest = 256, kPool = size_t{1} << 19;  // elements
    return std::clamp(kPool / registers / kLanes * kLanes, kLanes, kLongest);
  }
  static size_t size(size_t registers) {
    return registers * (block_length(registers) * sizeof(double) + sizeof(const void*));
  }

  static SpilledRegisters& of_thread();

  // REQUIRES, where it is more than before: none is taken.
  void reserve(size_t registers) {
    const size_t wanted = size(registers);
    if (wanted <= size_) return;
    for (auto& memory : memory_) memory.reset();
    size_ = 0;
    for (auto& memory : memory_) memory.reset(static_cast<std::byte*>(::operator new(wanted, kAlignment)));
    size_ = wanted;
  }
  // Taken by one program and given back in the reverse order.
  std::byte* take() { return memory_[in_use_++].get(); }
  void give_back() { --in_use_; }

 private:
  static constexpr std::align_val_t kAlignment{64};
  struct Free {
    void operator()(std::byte* memory) const { ::operator delete(memory, kAlignment); }
  };
  std::unique_ptr<std::byte, Free> memory_[kAtOnce];
  size_t size_ = 0, in_use_ = 0;
};

}  // namespace ckmerge
