// SPDX-License-Identifier: Apache-2.0
// Transforms against their sums, in long double and with the sines of the C library, which they have nothing of.
#include "core/algebra/fourier.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "core/algebra/orthonormal.h"
#include "core/algebra/wave_gains.h"

using namespace ckmerge;

namespace {

constexpr long double kTwoPi = 6.283185307179586476925286766559L;

struct Line {
  std::vector<long double> real, imaginary;
};

Line sums_of(const std::vector<double>& real, const std::vector<double>& imaginary) {
  const size_t n = real.size();
  Line out{std::vector<long double>(n), std::vector<long double>(n)};
  for (size_t j = 0; j < n; ++j)
    for (size_t i = 0; i < n; ++i) {
      const long double angle = kTwoPi * static_cast<long double>(i * j % n) / static_cast<long double>(n);
      const long double c = std::cos(angle), s = std::sin(angle);
      out.real[j] += real[i] * c + imaginary[i] * s;
      out.imaginary[j] += imaginary[i] * c - real[i] * s;
    }
  return out;
}

std::vector<double> random_line(size_t count, uint64_t seed) { return random_rows(1, count, seed).elements; }

// By definition: the waves along every axis one after another, with all of them, twins too.
std::vector<double> with_gains(const std::vector<double>& elements, const std::vector<uint64_t>& shape,
                               const std::function<double(WaveIndex)>& gain) {
  std::vector<double> real = elements, imaginary(elements.size());
  const auto along_all = [&](bool back) {
    for (size_t axis = 0; axis < shape.size(); ++axis) {
      size_t inner = 1;
      for (size_t k = axis + 1; k < shape.size(); ++k) inner *= shape[k];
      for (size_t first = 0; first < real.size(); ++first) {
        if (first / inner % shape[axis] != 0) continue;
        std::vector<double> r, i;
        for (size_t k = 0; k < shape[axis]; ++k) {
          r.push_back(real[first + k * inner]);
          i.push_back(back ? -imaginary[first + k * inner] : imaginary[first + k * inner]);
        }
        const Line sums = sums_of(r, i);
        const long double by = back ? static_cast<long double>(shape[axis]) : 1;
        for (size_t k = 0; k < shape[axis]; ++k) {
          real[first + k * inner] = static_cast<double>(sums.real[k] / by);
          imaginary[first + k * inner] = static_cast<double>((back ? -sums.imaginary[k] : sums.imaginary[k]) / by);
        }
      }
    }
  };
  along_all(false);
  for (size_t at = 0; at < real.size(); ++at) {
    std::vector<uint64_t> index(shape.size());
    for (size_t axis = shape.size(), rest = at; axis-- > 0; rest /= shape[axis])
      index[axis] = std::min<uint64_t>(rest % shape[axis], shape[axis] - rest % shape[axis]);
    real[at] *= gain(index);
    imaginary[at] *= gain(index);
  }
  along_all(true);
  return real;
}

}  // namespace

TEST_CASE("roots of one are those of the C library") {
  double worst = 0;
  for (const uint64_t n : {1u, 2u, 3u, 7u, 8u, 12u, 97u, 1000003u})
    for (uint64_t t = 0; t < n; t += 1 + n / 500) {
      const Wave root = unit_root(t, n);
      const long double angle = kTwoPi * static_cast<long double>(t) / static_cast<long double>(n);
      worst = std::max<double>({worst, static_cast<double>(std::fabs(root.real - std::cos(angle))),
                                static_cast<double>(std::fabs(root.imaginary + std::sin(angle)))});
    }
  CHECK(worst < 1.6e-16);
  CHECK(unit_root(1, 4).real == 0);
  CHECK(unit_root(1, 2).real == -1);
}

TEST_CASE("transforms of any length are their sums, and the way back leads to where they began") {
  std::vector<uint64_t> lengths{128, 169, 243, 254, 256, 499, 1000, 1280};
  for (uint64_t n = 1; n <= 70; ++n) lengths.push_back(n);
  for (const uint64_t n : lengths) {
    const std::vector<double> real = random_line(n, n), imaginary = random_line(n, n + 1000);
    std::vector<double> r = real, i = imaginary, scratch(Fourier::scratch_count(n, 1));
    const Fourier fourier(n);
    fourier.transform(r.data(), i.data(), 1, scratch.data());
    const Line wanted = sums_of(real, imaginary);
    double worst = 0;
    for (size_t k = 0; k < n; ++k)
      worst = std::max<double>({worst, static_cast<double>(std::fabs(r[k] - wanted.real[k])),
                                static_cast<double>(std::fabs(i[k] - wanted.imaginary[k]))});
    const double bound = 3e-15 * std::sqrt(static_cast<double>(n));
    CHECK_MESSAGE(worst < bound, n);
    fourier.transform(i.data(), r.data(), 1, scratch.data());
    for (size_t k = 0; k < n; ++k) CHECK(std::fabs(r[k] / static_cast<double>(n) - real[k]) < 3e-15);
  }
}

TEST_CASE("lines beside each other are transformed as each alone, to the bit") {
  for (const uint64_t n : {7u, 60u, 67u, 128u})
    for (const uint64_t count : {2u, 16u, 21u}) {
      const std::vector<double> real = random_line(n * count, 1), imaginary = random_line(n * count, 2);
      std::vector<double> r = real, i = imaginary, scratch(Fourier::scratch_count(n, count));
      const Fourier fourier(n);
      fourier.transform(r.data(), i.data(), count, scratch.data());
      for (uint64_t line = 0; line < count; ++line) {
        std::vector<double> one_r, one_i;
        for (uint64_t k = 0; k < n; ++k) {
          one_r.push_back(real[k * count + line]);
          one_i.push_back(imaginary[k * count + line]);
        }
        fourier.transform(one_r.data(), one_i.data(), 1, scratch.data());
        for (uint64_t k = 0; k < n; ++k) {
          CHECK(one_r[k] == r[k * count + line]);
          CHECK(one_i[k] == i[k * count + line]);
        }
      }
    }
}

TEST_CASE("gains of waves are those of a transform over all axes, for any number of hands") {
  const auto gain = [](WaveIndex index) {
    double sum = 1;
    for (size_t axis = 0; axis < index.size(); ++axis) sum += static_cast<double>(index[axis] * (axis + 1));
    return 1 / sum;
  };
  const std::vector<std::vector<uint64_t>> shapes = {
      {1},     {2},       {9},      {64},    {5, 1},       {1, 6},         {37, 4},
      {4, 37}, {3, 4, 5}, {40, 33}, {67, 3}, {4, 5, 3, 3}, {2, 1, 3, 2, 2}};
  for (const std::vector<uint64_t>& shape : shapes) {
    uint64_t count = 1;
    for (const uint64_t dimension : shape) count *= dimension;
    const std::vector<double> elements = random_line(count, count);
    std::vector<double> one = elements, three = elements;
    apply_gains(one, shape, gain, {});
    apply_gains(three, shape, gain, {.threads = 3});
    CHECK(one == three);
    const std::vector<double> wanted = with_gains(elements, shape, gain);
    for (size_t k = 0; k < count; ++k) CHECK(std::fabs(one[k] - wanted[k]) < 1e-14);
  }
}
