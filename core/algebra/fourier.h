// SPDX-License-Identifier: Apache-2.0
// Fourier transforms of any length, in f64 with + - * / alone and sines of kernels/math.h: the same bits on every
// machine, which no build of a library of transforms gives.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "core/threads/hands.h"

namespace ckmerge {

struct Wave {
  double real, imaginary;
};

/// exp(-2 pi i t / n). Within 1.5e-16. REQUIRES: t < n < 2^60.
Wave unit_root(uint64_t t, uint64_t n);

/// Of one length: Stockham's transform by the factors of the length, factors above 61 as convolutions of twice their
/// length (Bluestein, 1970), so that no length takes more than some log of it times its elements. Results are within
/// 1e-15 times the log of the length of the root of the sum of all squares.
class Fourier {
 public:
  explicit Fourier(uint64_t length, const Hands& hands = {});
  ~Fourier();
  Fourier(Fourier&&) noexcept;
  Fourier& operator=(Fourier&&) noexcept;

  uint64_t length() const { return length_; }

  /// Of `count` lines side by side, element i of line k at [i * count + k]: each becomes the sums over i of element i
  /// times exp(-2 pi i i j / length). With real and imaginary parts exchanged it is the way back, times the length.
  /// `scratch` has scratch_count(length(), count) elements. What takes more than a millisecond is shared by the hands:
  /// the same bits for any number of them. Thread-safe.
  void transform(double* real, double* imaginary, uint64_t count, double* scratch, const Hands& hands = {}) const;

  static uint64_t scratch_count(uint64_t length, uint64_t count);
  /// Bytes that one of this length holds.
  static uint64_t memory(uint64_t length);

 private:
  struct Chirp;
  struct Stage;
  class Roots {
   public:
    explicit Roots(uint64_t n);
    Wave at(uint64_t t) const;

   private:
    uint64_t low_count_ = 1;
    std::vector<Wave> low_, high_;
  };

  void run(const Stage& stage, const Hands& hands) const;
  void make(const Stage& stage, uint64_t begin, uint64_t end, const Hands& hands) const;

  uint64_t length_;
  std::vector<uint64_t> factors_;
  std::vector<std::unique_ptr<Chirp>> chirps_;  // of each factor; null where it is done directly
  Roots roots_;
};

}  // namespace ckmerge
