// SPDX-License-Identifier: Apache-2.0
// The smallest parts of a Fourier transform: some values of a line become their sums.
#pragma once

#include <cstdint>

#include "core/algebra/fourier.h"

namespace ckmerge {

/// The values that one takes or makes, of some lines.
struct Butterfly {
  /// Lines that are looked at together: their values stay in the first cache.
  static constexpr uint64_t kLanes = 16;
  /// A prime above this is a convolution: of 61 both ways take as long.
  static constexpr uint64_t kMost = 61;

  double real[kMost][kLanes], imaginary[kMost][kLanes];
};

/// `y` := the transform of `p` values, 4 or a prime, of which value k of `count` lines is at [k * between] of each
/// part. `roots` are those of an odd number of them, and `x` is for what is between.
void make_butterfly(uint64_t p, const double* const (&values)[2], uint64_t between, uint64_t count, const Wave* roots,
                    Butterfly& x, Butterfly& y);

}  // namespace ckmerge
