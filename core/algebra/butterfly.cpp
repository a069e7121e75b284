// SPDX-License-Identifier: Apache-2.0
#include "core/algebra/butterfly.h"

#include <algorithm>

namespace ckmerge {
namespace {

constexpr uint64_t kLanes = Butterfly::kLanes;

void of_two(const Butterfly& x, Butterfly& y) {
  for (uint64_t c = 0; c < kLanes; ++c) {
    y.real[0][c] = x.real[0][c] + x.real[1][c];
    y.imaginary[0][c] = x.imaginary[0][c] + x.imaginary[1][c];
    y.real[1][c] = x.real[0][c] - x.real[1][c];
    y.imaginary[1][c] = x.imaginary[0][c] - x.imaginary[1][c];
  }
}

void of_four(const Butterfly& x, Butterfly& y) {
  for (uint64_t c = 0; c < kLanes; ++c) {
    const double even_r = x.real[0][c] + x.real[2][c], even_i = x.imaginary[0][c] + x.imaginary[2][c];
    const double apart_r = x.real[0][c] - x.real[2][c], apart_i = x.imaginary[0][c] - x.imaginary[2][c];
    const double odd_r = x.real[1][c] + x.real[3][c], odd_i = x.imaginary[1][c] + x.imaginary[3][c];
    const double turned_r = x.imaginary[1][c] - x.imaginary[3][c], turned_i = x.real[3][c] - x.real[1][c];
    y.real[0][c] = even_r + odd_r;
    y.imaginary[0][c] = even_i + odd_i;
    y.real[1][c] = apart_r + turned_r;
    y.imaginary[1][c] = apart_i + turned_i;
    y.real[2][c] = even_r - odd_r;
    y.imaginary[2][c] = even_i - odd_i;
    y.real[3][c] = apart_r - turned_r;
    y.imaginary[3][c] = apart_i - turned_i;
  }
}

// An odd number of values: what stands opposite to each other shares its cosines and sines.
void of_odd(uint64_t p, const Wave* roots, Butterfly& x, Butterfly& y) {
  const uint64_t half = p / 2;
  for (uint64_t c = 0; c < kLanes; ++c) {
    y.real[0][c] = x.real[0][c];
    y.imaginary[0][c] = x.imaginary[0][c];
  }
  for (uint64_t k = 1; k <= half; ++k)
    for (uint64_t c = 0; c < kLanes; ++c) {
      const double r = x.real[k][c], i = x.imaginary[k][c], r2 = x.real[p - k][c], i2 = x.imaginary[p - k][c];
      x.real[k][c] = r + r2;
      x.imaginary[k][c] = i + i2;
      x.real[p - k][c] = r - r2;
      x.imaginary[p - k][c] = i - i2;
      y.real[0][c] += r + r2;
      y.imaginary[0][c] += i + i2;
    }
  for (uint64_t j = 1; j <= half; ++j) {
    double even_r[kLanes], even_i[kLanes], odd_r[kLanes] = {}, odd_i[kLanes] = {};
    std::copy_n(x.real[0], kLanes, even_r);
    std::copy_n(x.imaginary[0], kLanes, even_i);
    for (uint64_t k = 1; k <= half; ++k) {
      const Wave root = roots[j * k % p];
      for (uint64_t c = 0; c < kLanes; ++c) {
        even_r[c] += root.real * x.real[k][c];
        even_i[c] += root.real * x.imaginary[k][c];
        odd_r[c] -= root.imaginary * x.imaginary[p - k][c];
        odd_i[c] += root.imaginary * x.real[p - k][c];
      }
    }
    for (uint64_t c = 0; c < kLanes; ++c) {
      y.real[j][c] = even_r[c] + odd_r[c];
      y.imaginary[j][c] = even_i[c] + odd_i[c];
      y.real[p - j][c] = even_r[c] - odd_r[c];
      y.imaginary[p - j][c] = even_i[c] - odd_i[c];
    }
  }
}

}  // namespace

void make_butterfly(uint64_t p, const double* const (&values)[2], uint64_t between, uint64_t count, const Wave* roots,
                    Butterfly& x, Butterfly& y) {
  for (uint64_t k = 0; k < p; ++k) {
    std::copy_n(values[0] + k * between, count, x.real[k]);
    std::copy_n(values[1] + k * between, count, x.imaginary[k]);
  }
  p == 2 ? of_two(x, y) : p == 4 ? of_four(x, y) : of_odd(p, roots, x, y);
}

}  // namespace ckmerge
