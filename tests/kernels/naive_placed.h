// SPDX-License-Identifier: Apache-2.0
// The operations that hang on where an element stands, from their definitions: Philox as its paper writes it, a round
// over four words, with products of 64 bits.
#pragma once

#include <array>
#include <cstdint>

#include "kernels/program.h"

namespace ckmerge {

inline std::array<uint32_t, 4> naive_philox(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const uint64_t left = 0xD2511F53ull * counter[0], right = 0xCD9E8D57ull * counter[2];
    counter = {static_cast<uint32_t>(right >> 32) ^ counter[1] ^ key[0], static_cast<uint32_t>(right),
               static_cast<uint32_t>(left >> 32) ^ counter[3] ^ key[1], static_cast<uint32_t>(left)};
    key = {key[0] + 0x9E3779B9u, key[1] + 0xBB67AE85u};
  }
  return counter;
}

/// Of element `index` of a tensor.
inline double naive_placed(const Instruction& i, uint64_t index) {
  if (i.op == Op::before) return index % static_cast<uint64_t>(i.k0) < static_cast<uint64_t>(i.k1) ? -1 : 1;
  const uint64_t counter = index / 4;
  const auto words = naive_philox({static_cast<uint32_t>(counter), static_cast<uint32_t>(counter >> 32), 0, 0},
                                  {static_cast<uint32_t>(i.k1), static_cast<uint32_t>(i.k0)});
  return static_cast<double>(words[index % 4] / 256) / 16777216;
}

}  // namespace ckmerge
