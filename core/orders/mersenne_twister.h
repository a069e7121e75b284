// SPDX-License-Identifier: Apache-2.0
// MT19937 (M. Matsumoto and T. Nishimura, Mersenne twister, 1998), which torch's generator of a CPU is: seeded with one
// number, 32 bits at a time, or passed over without looking.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace ckmerge {

class MersenneTwister {
 public:
  explicit MersenneTwister(uint32_t seed);

  /// The next outputs.
  void fill(std::span<uint32_t> out);
  void skip(uint64_t count);

  static constexpr size_t kWords = 624;

 private:
  void twist();

  std::array<uint32_t, kWords> words_;
  size_t next_ = kWords;
};

}  // namespace ckmerge
