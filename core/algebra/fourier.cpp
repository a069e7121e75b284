// SPDX-License-Identifier: Apache-2.0
#include "core/algebra/fourier.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <utility>

#include "core/algebra/butterfly.h"
#include "kernels/math.h"

namespace ckmerge {
namespace {

// How often one of the hands does what takes so many values at a time: some milliseconds of it at most.
uint64_t times_of(uint64_t values) { return std::max<uint64_t>(1, (uint64_t{1} << 16) / values); }

std::vector<uint64_t> factors_of(uint64_t length) {
  std::vector<uint64_t> factors;
  for (; length % 4 == 0; length /= 4) factors.push_back(4);
  for (uint64_t p = 2; p * p <= length; ++p)
    for (; length % p == 0; length /= p) factors.push_back(p);
  if (length > 1) factors.push_back(length);
  return factors;
}

Wave times(Wave a, Wave b) {
  return {a.real * b.real - a.imaginary * b.imaginary, a.real * b.imaginary + a.imaginary * b.real};
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
  // Not filled with zeros first, which of some GiB would take a second.
  std::unique_ptr<Wave[]> chirp;
  std::unique_ptr<double[]> real, imaginary;  // the transform of what is convolved with, divided by its length

  Chirp(uint64_t prime, const Hands& hands)
      : p(prime),
        inner(std::bit_ceil(2 * prime - 1)),
        chirp(std::make_unique_for_overwrite<Wave[]>(p)),
        real(std::make_unique_for_overwrite<double[]>(inner.length())),
        imaginary(std::make_unique_for_overwrite<double[]>(inner.length())) {
    hands.share_large(p, times_of(1), [&](uint64_t begin, uint64_t end) {
      for (uint64_t k = begin; k < end; ++k) chirp[k] = unit_root(k * k % (2 * p), 2 * p);
    });
    const uint64_t length = inner.length();
    hands.share_large(length, times_of(1), [&](uint64_t begin, uint64_t end) {
      for (uint64_t k = begin; k < end; ++k) {
        const uint64_t t = std::min(k, length - k);
        real[k] = t < p ? chirp[t].real / static_cast<double>(length) : 0;
        imaginary[k] = t < p ? -chirp[t].imaginary / static_cast<double>(length) : 0;
      }
    });
    const auto scratch = std::make_unique_for_overwrite<double[]>(scratch_count(length, 1));
    inner.transform(real.get(), imaginary.get(), 1, scratch.get(), hands);
  }

  // Value k of `count` lines, `lanes` at most, at [k * apart].
  Made transform(const double* const (&from)[2], uint64_t apart, uint64_t count, uint64_t lanes, double* scratch,
                 const Hands& hands) const {
    double *const r = scratch, *const i = r + inner.length() * lanes, *const rest = i + inner.length() * lanes;
    hands.share_large(inner.length(), times_of(lanes), [&](uint64_t begin, uint64_t end) {
      std::fill(r + begin * lanes, r + end * lanes, 0.0);
      std::fill(i + begin * lanes, i + end * lanes, 0.0);
      for (uint64_t k = begin; k < std::min(end, p); ++k) {
        std::copy_n(from[0] + k * apart, count, r + k * lanes);
        std::copy_n(from[1] + k * apart, count, i + k * lanes);
        turn(r + k * lanes, i + k * lanes, chirp[k], lanes);
      }
    });
    inner.transform(r, i, lanes, rest, hands);
    hands.share_large(inner.length(), times_of(lanes), [&](uint64_t begin, uint64_t end) {
      for (uint64_t k = begin; k < end; ++k) turn(r + k * lanes, i + k * lanes, {real[k], imaginary[k]}, lanes);
    });
    inner.transform(i, r, lanes, rest, hands);
    hands.share_large(p, times_of(lanes), [&](uint64_t begin, uint64_t end) {
      for (uint64_t k = begin; k < end; ++k) turn(r + k * lanes, i + k * lanes, chirp[k], lanes);
    });
    return {r, i, lanes};
  }
};

// One factor's turn: values of a line that are `m` apart are brought together. `apart` elements lie beside each other
// that are treated alike, `lanes` of them at a time; `done` is the product of the factors before.
struct Fourier::Stage {
  uint64_t p, m, apart, done, lanes;
  const Chirp* chirp;
  const double* from[2];
  double *to[2], *scratch;

  uint64_t in_row() const { return (apart + lanes - 1) / lanes; }
};

Fourier::Roots::Roots(uint64_t n) {
  while (low_count_ * low_count_ < n) low_count_ *= 2;
  for (uint64_t t = 0; t < std::min(low_count_, n); ++t) low_.push_back(unit_root(t, n));
  for (uint64_t t = 0; t < n; t += low_count_) high_.push_back(unit_root(t, n));
}

Wave Fourier::Roots::at(uint64_t t) const { return times(high_[t / low_count_], low_[t % low_count_]); }

Fourier::Fourier(uint64_t length, const Hands& hands) : length_(length), factors_(factors_of(length)), roots_(length) {
  for (const uint64_t factor : factors_)
    chirps_.push_back(factor > Butterfly::kMost ? std::make_unique<Chirp>(factor, hands) : nullptr);
}

Fourier::~Fourier() = default;
Fourier::Fourier(Fourier&&) noexcept = default;
Fourier& Fourier::operator=(Fourier&&) noexcept = default;

uint64_t Fourier::scratch_count(uint64_t length, uint64_t count) {
  uint64_t most = 0;
  for (const uint64_t factor : factors_of(length))
    if (factor > Butterfly::kMost)
      most = std::max(most, 4 * std::bit_ceil(2 * factor - 1) * std::min(Butterfly::kLanes, count));
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
    if (factor > Butterfly::kMost) {
      const uint64_t inner = std::bit_ceil(2 * factor - 1);
      size += factor * sizeof(Wave) + 2 * inner * sizeof(double) + of_roots(inner);
    }
  return size;
}

// Butterflies [begin, end) of the stage, which do not hang on each other.
void Fourier::make(const Stage& stage, uint64_t begin, uint64_t end, const Hands& hands) const {
  const uint64_t p = stage.p, direct = stage.chirp ? 0 : p, between = stage.m * stage.apart;
  std::array<Wave, Butterfly::kMost> roots{}, turns{};  // of what is done directly
  for (uint64_t t = 0; t < direct && p % 2 == 1; ++t) roots[t] = unit_root(t, p);
  Butterfly x{}, y{};
  for (uint64_t at = begin; at < end; ++at) {
    const uint64_t i = at / stage.in_row(), q = at % stage.in_row() * stage.lanes;
    const uint64_t count = std::min(stage.lanes, stage.apart - q);
    for (uint64_t j = 1; j < direct && (at == begin || q == 0); ++j) turns[j] = roots_.at(i * j * stage.done);
    const double* const values[2] = {stage.from[0] + i * stage.apart + q, stage.from[1] + i * stage.apart + q};
    if (!stage.chirp) make_butterfly(p, values, between, count, roots.data(), x, y);
    const Made made = stage.chirp ? stage.chirp->transform(values, between, count, stage.lanes, stage.scratch, hands)
                                  : Made{y.real[0], y.imaginary[0], Butterfly::kLanes};
    hands.share_large(p, times_of(count), [&](uint64_t first, uint64_t last) {
      for (uint64_t j = first; j < last; ++j) {
        const uint64_t out = (p * i + j) * stage.apart + q;
        std::copy_n(made.real + j * made.next, count, stage.to[0] + out);
        std::copy_n(made.imaginary + j * made.next, count, stage.to[1] + out);
        if (i == 0 || j == 0) continue;
        turn(stage.to[0] + out, stage.to[1] + out, j < direct ? turns[j] : roots_.at(i * j * stage.done), count);
      }
    });
  }
}

void Fourier::run(const Stage& stage, const Hands& hands) const {
  const Hands alone{.threads = 1, .stop = stage.chirp ? hands.stop : StopFlag()};
  // There is scratch for one convolution, which all hands share.
  (stage.chirp ? alone : hands)
      .share_large(stage.m * stage.in_row(), times_of(stage.p * stage.lanes),
                   [&](uint64_t begin, uint64_t end) { make(stage, begin, end, hands); });
}

void Fourier::transform(double* real, double* imaginary, uint64_t count, double* scratch, const Hands& hands) const {
  double* here[2] = {real, imaginary};
  double* there[2] = {scratch, scratch + length_ * count};
  uint64_t done = 1;  // product of the factors
  for (size_t f = 0; f < factors_.size(); ++f) {
    const uint64_t p = factors_[f];
    const Chirp* const chirp = chirps_[f].get();
    run({.p = p,
         .m = length_ / done / p,
         .apart = count * done,
         .done = done,
         .lanes = chirp ? std::min(Butterfly::kLanes, count) : Butterfly::kLanes,
         .chirp = chirp,
         .from = {here[0], here[1]},
         .to = {there[0], there[1]},
         .scratch = scratch + 2 * length_ * count},
        hands);
    std::swap(here, there);
    done *= p;
  }
  if (here[0] == real) return;
  hands.share_large(length_ * count, times_of(1), [&](uint64_t begin, uint64_t end) {
    std::copy(here[0] + begin, here[0] + end, real + begin);
    std::copy(here[1] + begin, here[1] + end, imaginary + begin);
  });
}

}  // namespace ckmerge
