// SPDX-License-Identifier: Apache-2.0
// Random access to the one sequence of numbers that MT19937 gives: states of the generator are kept every so many
// numbers, as far as somebody has asked, and those that readers left behind, since most begin where another ended.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <span>
#include <vector>

#include "core/orders/mersenne_twister.h"

namespace ckmerge {

class DrawStates {
 public:
  /// Of so many numbers in all.
  DrawStates(uint64_t seed, uint64_t count);

  /// Numbers [first, first + out.size()), each in [0, 1): 24 bits of an output, as torch's uniform float. Thread-safe.
  void draw(uint64_t first, std::span<float> out);

  /// Bytes, at most.
  uint64_t memory() const;

 private:
  struct Left {
    uint64_t place = 0;
    MersenneTwister generator;
  };
  MersenneTwister generator_at(uint64_t place);
  void leave(uint64_t place, const MersenneTwister& generator);

  const uint64_t count_, step_;
  std::mutex mutex_;
  std::vector<MersenneTwister> kept_;  // at 0, step_, 2 * step_, ...
  std::vector<Left> left_;             // the oldest is replaced first
  size_t oldest_ = 0;
};

}  // namespace ckmerge
