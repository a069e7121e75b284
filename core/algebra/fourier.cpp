// SPDX-License-Identifier: Apache-2.0
#include "core/algebra/fourier.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "kernels/math.h"

namespace ckmerge {
namespace {

// A prime above this is a convolution: of 61 both ways take as long.
constexpr uint64_t kLargestDirect = 61;
// Lines that are looked at together: their values of a butterfly stay in the first cache.
constexpr uint64_t kChunk = 16;

std::vector<uint64_t> factors_of(uint64_t length) {
  std::vector<uint64_t> factors;
  for (; length % 4 == 0; length /= 4) factors.push_back(4);
  for (uint64_t p = 2; p * p <= length; ++p)
    for (; length % p == 0; length /= p) factors.push_back(p);
  if (length > 1) factors.push_back(length);
  return factors;
}

uint64_t power_from(uint64_t least) {
  uint64_t power = 1;
  while (power < least) power *= 2;
  return power;
}

Wave times(Wave a, Wave b) {
  return {a.real * b.real - a.imaginary * b.imaginary, a.real * b.imaginary + a.imaginary * b.real};
}

// The values that a butterfly takes and makes, of some lines.
struct Butterfly {
  double real[kLargestDirect][kChunk], imaginary[kLargestDirect][kChunk];
};

void of_two(const Butterfly& x, Butterfly& y) {
  for (uint64_t c = 0; c < kChunk; ++c) {
    y.real[0][c] = x.real[0][c] + x.real[1][c];
    y.imaginary[0][c] = x.imaginary[0][c] + x.imaginary[1][c];
    y.real[1][c] = x.real[0][c] - x.real[1][c];
    y.imaginary[1][c] = x.imaginary[0][c] - x.imaginary[1][c];
  }
}

void of_four(const Butterfly& x, Butterfly& y) {
  for (uint64_t c = 0; c < kChunk; ++c) {
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
  for (uint64_t c = 0; c < kChunk; ++c) {
    y.real[0][c] = x.real[0][c];
    y.imaginary[0][c] = x.imaginary[0][c];
  }
  for (uint64_t k = 1; k <= half; ++k)
    for (uint64_t c = 0; c < kChunk; ++c) {
      const double r = x.real[k][c], i = x.imaginary[k][c], r2 = x.real[p - k][c], i2 = x.imaginary[p - k][c];
      x.real[k][c] = r + r2;
      x.imaginary[k][c] = i + i2;
      x.real[p - k][c] = r - r2;
      x.imaginary[p - k][c] = i - i2;
      y.real[0][c] += r + r2;
      y.imaginary[0][c] += i + i2;
    }
  for (uint64_t j = 1; j <= half; ++j) {
    double even_r[kChunk], even_i[kChunk], odd_r[kChunk] = {}, odd_i[kChunk] = {};
    std::copy_n(x.real[0], kChunk, even_r);
    std::copy_n(x.imaginary[0], kChunk, even_i);
    for (uint64_t k = 1; k <= half; ++k) {
      const Wave root = roots[j * k % p];
      for (uint64_t c = 0; c < kChunk; ++c) {
        even_r[c] += root.real * x.real[k][c];
        even_i[c] += root.real * x.imaginary[k][c];
        odd_r[c] -= root.imaginary * x.imaginary[p - k][c];
        odd_i[c] += root.imaginary * x.real[p - k][c];
      }
    }
    for (uint64_t c = 0; c < kChunk; ++c) {
      y.real[j][c] = even_r[c] + odd_r[c];
      y.imaginary[j][c] = even_i[c] + odd_i[c];
      y.real[p - j][c] = even_r[c] - odd_r[c];
      y.imaginary[p - j][c] = even_i[c] - odd_i[c];
    }
  }
}

// `count` lines, value k at [k * between] of each part.
void combine(uint64_t p, const double* const (&values)[2], uint64_t between, uint64_t count, const Wave* roots,
             Butterfly& x, Butterfly& y) {
  for (uint64_t k = 0; k < p; ++k) {
    std::copy_n(values[0] + k * between, count, x.real[k]);
    std::copy_n(values[1] + k * between, count, x.imaginary[k]);
  }
  p == 2 ? of_two(x, y) : p == 4 ? of_four(x, y) : of_odd(p, roots, x, y);
}

// What came of a butterfly, value k at [k * next].
struct Made {
  const double *real, *imaginary;
  uint64_t next;
};

void turn(double* real, double* imaginary, Wave by, uint64_t count) {
  for (uint64_t c = 0; c < count; ++c) {
    const double r = real[c], i = imaginary[c];
    real[c] = r * by.real - i * by.imaginary;
    imaginary[c] = r * by.imaginary + i * by.real;
  }
}

}  // namespace

Wave unit_root(uint64_t t, uint64_t n) {
  constexpr double kQuarterPi = 0x1.921fb54442d18p-1;
  const uint64_t octant = 8 * t / n, rest = 8 * t % n;
  const double angle = static_cast<double>(octant % 2 == 0 ? rest : n - rest) / static_cast<double>(n) * kQuarterPi;
  const double c = math::cos(angle), s = math::sin(angle);
  const bool crosses = octant % 4 == 1 || octant % 4 == 2;  // nearer to the imaginary axis
  const double along = crosses ? s : c, up = crosses ? c : s;
  return {octant >= 2 && octant < 6 ? -along : along, octant < 4 ? -up : up};
}

// A prime number of values as a convolution with exp(pi i k^2 / p), by transforms of a power of two.
struct Fourier::Chirp {
  uint64_t p;
  Fourier inner;
  std::vector<Wave> chirp;
  std::vector<double> real, imaginary;  // the transform of what is convolved with, divided by its length

  explicit Chirp(uint64_t prime)
      : p(prime), inner(power_from(2 * prime - 1)), real(inner.length()), imaginary(inner.length()) {
    const uint64_t length = inner.length();
    chirp.reserve(p);
    for (uint64_t k = 0; k < p; ++k) chirp.push_back(unit_root(k * k % (2 * p), 2 * p));
    for (uint64_t k = 0; k < p; ++k) {
      real[k] = real[(length - k) % length] = chirp[k].real / static_cast<double>(length);
      imaginary[k] = imaginary[(length - k) % length] = -chirp[k].imaginary / static_cast<double>(length);
    }
    std::vector<double> scratch(scratch_count(length, 1));
    inner.transform(real.data(), imaginary.data(), 1, scratch.data());
  }

  // Value k of `count` lines, `lanes` at most, at [k * apart].
  Made transform(const double* const (&from)[2], uint64_t apart, uint64_t count, uint64_t lanes,
                 double* scratch) const {
    double* const r = scratch;
    double* const i = r + inner.length() * lanes;
    std::fill(scratch, scratch + 2 * inner.length() * lanes, 0.0);
    for (uint64_t k = 0; k < p; ++k) {
      std::copy_n(from[0] + k * apart, count, r + k * lanes);
      std::copy_n(from[1] + k * apart, count, i + k * lanes);
      turn(r + k * lanes, i + k * lanes, chirp[k], lanes);
    }
    double* const rest = i + inner.length() * lanes;
    inner.transform(r, i, lanes, rest);
    for (uint64_t k = 0; k < inner.length(); ++k) turn(r + k * lanes, i + k * lanes, {real[k], imaginary[k]}, lanes);
    inner.transform(i, r, lanes, rest);
    for (uint64_t k = 0; k < p; ++k) turn(r + k * lanes, i + k * lanes, chirp[k], lanes);
    return {r, i, lanes};
  }
};

// One factor's turn: values of a line that are `m` apart are brought together. `apart` elements lie beside each other
// that are treated alike, `done` is the product of the factors before.
struct Fourier::Stage {
  uint64_t p, m, apart, done, lanes;
  const Chirp* chirp;
};

Fourier::Roots::Roots(uint64_t n) {
  while (low_count_ * low_count_ < n) low_count_ *= 2;
  for (uint64_t t = 0; t < std::min(low_count_, n); ++t) low_.push_back(unit_root(t, n));
  for (uint64_t t = 0; t < n; t += low_count_) high_.push_back(unit_root(t, n));
}

Wave Fourier::Roots::at(uint64_t t) const { return times(high_[t / low_count_], low_[t % low_count_]); }

Fourier::Fourier(uint64_t length) : length_(length), factors_(factors_of(length)), roots_(length) {
  for (const uint64_t factor : factors_)
    chirps_.push_back(factor > kLargestDirect ? std::make_unique<Chirp>(factor) : nullptr);
}

Fourier::~Fourier() = default;
Fourier::Fourier(Fourier&&) noexcept = default;
Fourier& Fourier::operator=(Fourier&&) noexcept = default;

uint64_t Fourier::scratch_count(uint64_t length, uint64_t count) {
  uint64_t most = 0;
  for (const uint64_t factor : factors_of(length))
    if (factor > kLargestDirect) most = std::max(most, 4 * power_from(2 * factor - 1) * std::min(kChunk, count));
  return 2 * length * count + most;
}

uint64_t Fourier::memory(uint64_t length) {
  const auto of_roots = [](uint64_t n) {
    uint64_t low = 1;
    while (low * low < n) low *= 2;
    return 2 * low * sizeof(Wave);
  };
  uint64_t size = of_roots(length);
  for (const uint64_t factor : factors_of(length))
    if (factor > kLargestDirect) {
      const uint64_t inner = power_from(2 * factor - 1);
      size += factor * sizeof(Wave) + 2 * inner * sizeof(double) + of_roots(inner);
    }
  return size;
}

void Fourier::run(const Stage& stage, const double* const (&from)[2], double* const (&to)[2], double* scratch) const {
  const uint64_t p = stage.p, lanes = stage.chirp ? stage.lanes : kChunk;
  std::vector<Wave> roots(p), turns(p);
  for (uint64_t t = 0; t < p && p % 2 == 1; ++t) roots[t] = unit_root(t, p);
  Butterfly x{}, y{};
  for (uint64_t i = 0; i < stage.m; ++i) {
    for (uint64_t j = 1; j < p; ++j) turns[j] = roots_.at(i * j * stage.done);
    for (uint64_t q = 0; q < stage.apart; q += lanes) {
      const uint64_t count = std::min(lanes, stage.apart - q), between = stage.m * stage.apart;
      const double* const values[2] = {from[0] + i * stage.apart + q, from[1] + i * stage.apart + q};
      Made made{y.real[0], y.imaginary[0], kChunk};
      if (stage.chirp)
        made = stage.chirp->transform(values, between, count, lanes, scratch);
      else
        combine(p, values, between, count, roots.data(), x, y);
      for (uint64_t j = 0; j < p; ++j) {
        const uint64_t out = (p * i + j) * stage.apart + q;
        std::copy_n(made.real + j * made.next, count, to[0] + out);
        std::copy_n(made.imaginary + j * made.next, count, to[1] + out);
        if (i > 0 && j > 0) turn(to[0] + out, to[1] + out, turns[j], count);
      }
    }
  }
}

void Fourier::transform(double* real, double* imaginary, uint64_t count, double* scratch) const {
  double* here[2] = {real, imaginary};
  double* there[2] = {scratch, scratch + length_ * count};
  Stage stage{.p = 1, .m = length_, .apart = count, .done = 1, .lanes = std::min(kChunk, count), .chirp = nullptr};
  for (size_t f = 0; f < factors_.size(); ++f) {
    stage.p = factors_[f];
    stage.m /= stage.p;
    stage.chirp = chirps_[f].get();
    run(stage, {here[0], here[1]}, there, scratch + 2 * length_ * count);
    std::swap(here, there);
    stage.apart *= stage.p;
    stage.done *= stage.p;
  }
  if (here[0] == real) return;
  std::copy_n(here[0], length_ * count, real);
  std::copy_n(here[1], length_ * count, imaginary);
}

}  // namespace ckmerge
