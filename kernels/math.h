// SPDX-License-Identifier: Apache-2.0
// Elementary functions in + - * / and sqrt of f64, which IEEE defines to the last bit: the same result on every CPU, C
// library and compiler, where those of libm differ. For scalars of a tensor, so they are written to be seen through:
// the series are Taylor's, their coefficients quotients of whole numbers that f64 holds, each rounded once. Bounds are
// in units in the last place (ulp) of the result; tests/kernels/math_test.cpp measures them. Plain C types only.
// REQUIRES: no contraction into fused multiply-adds (cmake/flags.cmake), no -ffast-math.
#pragma once

#include <float.h>
#include <stdint.h>

namespace ckmerge::math {

static_assert(FLT_EVAL_METHOD == 0, "x87 would round twice");

/// sin takes arguments up to this magnitude: multiples of pi/2 are counted in 20 bits.
inline constexpr double kLargestAngle = 0x1p20;

namespace detail {

// A number as an unevaluated sum; low is at most half an ulp of high.
struct Sum {
  double high, low;
};

constexpr Sum exact_sum(double x, double y) {  // Knuth's: no order of magnitudes needed
  const double sum = x + y, y_part = sum - x;
  return {sum, (x - (sum - y_part)) + (y - y_part)};
}

constexpr Sum exact_square(double x) {  // Dekker's, by halves of 26 bits. REQUIRES: x * x neither large nor subnormal
  const double scaled = 0x8000001p0 * x, high = scaled - (scaled - x), low = x - high, square = x * x;
  return {square, ((high * high - square) + 2 * (high * low)) + low * low};
}

inline constexpr Sum kHalfPi = {0x1.921fb54442d18p+0, 0x1.1a62633145c07p-54};
inline constexpr double kNan = __builtin_nan("");

// ---- asin: sum of binomial(2n, n) / (4^n (2n + 1)) x^(2n+1) ----

// The last binomial below 2^53 is that of 56 over 28. For x <= 1/2 the terms left out are below 2^-66 of the sum.
inline constexpr int kAsinTerms = 28;

struct AsinSeries {
  double coefficients[kAsinTerms + 1];  // [n] is that of x^(2n+1)
};

constexpr AsinSeries make_asin_series() {
  AsinSeries series{};
  uint64_t binomial = 1;
  double power = 1;
  for (int n = 0; n <= kAsinTerms; ++n) {
    series.coefficients[n] = static_cast<double>(binomial) / (power * (2 * n + 1));
    binomial = binomial * 2 * static_cast<uint64_t>(2 * n + 1) / static_cast<uint64_t>(n + 1);
    power *= 4;
  }
  return series;
}
inline constexpr AsinSeries kAsin = make_asin_series();

// asin(x) - x. REQUIRES: |x| <= 1/2, z = x * x.
constexpr double asin_tail(double x, double z) {
  double sum = 0;
  for (int n = kAsinTerms; n > 0; --n) sum = sum * z + kAsin.coefficients[n];
  return x * (z * sum);
}

// asin(sqrt(z)), with the root's own rounding made good. REQUIRES: 0 < z <= 1/4.
inline Sum asin_of_root(double z) {
  const double root = __builtin_sqrt(z);
  const Sum square = exact_square(root);
  const double missing = ((z - square.high) - square.low) / (2 * root);
  return {root, asin_tail(root, z) + missing};
}

// ---- sin and cos within pi/4, of high + low ----

constexpr double sin_within(Sum x) {
  constexpr double kCoefficients[] = {-1 / 6.0,          1 / 120.0,          -1 / 5040.0,
                                      1 / 362880.0,      -1 / 39916800.0,    1 / 6227020800.0,
                                      -1 / 1307674368e3, 1 / 355687428096e3, -1 / 121645100408832e3};
  const double z = x.high * x.high;
  double sum = 0;
  for (int n = 8; n >= 0; --n) sum = sum * z + kCoefficients[n];
  return x.high + (x.high * (z * sum) + x.low * (1 - z / 2));
}

constexpr double cos_within(Sum x) {
  constexpr double kCoefficients[] = {1 / 24.0,        -1 / 720.0,         1 / 40320.0,       -1 / 3628800.0,
                                      1 / 479001600.0, -1 / 87178291200.0, 1 / 20922789888e3, -1 / 6402373705728e3};
  const Sum square = exact_square(x.high);
  const double z = square.high;
  double sum = 0;
  for (int n = 7; n >= 0; --n) sum = sum * z + kCoefficients[n];
  const Sum head = exact_sum(1, -z / 2);
  return head.high + (head.low + (z * z * sum - (square.low / 2 + x.high * x.low)));
}

// ---- multiples of pi/2 taken off ----

struct Reduced {
  Sum rest;          // within pi/4 of 0
  int64_t quarters;  // multiples of pi/2
};

// pi/2 in three parts of 33 bits and a fourth: multiples below 2^20 of the first three are exact, and what the fourth
// leaves out is below 2^-136, so that rests near a multiple of pi (2^-60 at the least) keep all their bits.
// REQUIRES: |x| <= kLargestAngle.
constexpr Reduced reduce(double x) {
  constexpr double kParts[] = {0x1.921fb544p+0, 0x1.0b4611a6p-34, 0x1.3198a2ep-69, 0x1.b839a252049c1p-104};
  constexpr double kTwoOverPi = 0x1.45f306dc9c883p-1;
  const auto quarters = static_cast<int64_t>(x * kTwoOverPi + (x < 0 ? -0.5 : 0.5));
  const auto k = static_cast<double>(quarters);
  const double first = x - k * kParts[0];  // exact: both are multiples of 2^-53, and the difference is below 1
  const Sum second = exact_sum(first, -k * kParts[1]);
  const Sum third = exact_sum(second.high, -k * kParts[2]);
  return {exact_sum(third.high, (second.low + third.low) - k * kParts[3]), quarters};
}

// 2^n. REQUIRES: it is normal.
constexpr double two_to(int n) { return __builtin_bit_cast(double, static_cast<uint64_t>(n + 1023) << 52); }

}  // namespace detail

/// The angle in [0, pi] whose cosine is x; NaN unless -1 <= x <= 1. Within 0.85 ulp.
constexpr double acos(double x) {
  using namespace detail;
  if (!(x >= -1 && x <= 1)) return kNan;
  if (x >= -0.5 && x <= 0.5) return kHalfPi.high - (x - (kHalfPi.low - asin_tail(x, x * x)));
  if (x == 1) return 0;
  if (x == -1) return 2 * kHalfPi.high;
  const Sum half = asin_of_root((x < 0 ? 1 + x : 1 - x) / 2);  // exact: x is between 1/2 and 1
  if (x > 0) return 2 * (half.high + half.low);
  return 2 * (kHalfPi.high - (half.high + (half.low - kHalfPi.low)));
}

/// The angle in [-pi/2, pi/2] whose sine is x; NaN unless -1 <= x <= 1. Within 1.2 ulp.
constexpr double asin(double x) {
  using namespace detail;
  if (!(x >= -1 && x <= 1)) return kNan;
  if (x >= -0.5 && x <= 0.5) return x > -0x1p-27 && x < 0x1p-27 ? x : x + asin_tail(x, x * x);
  if (x == 1 || x == -1) return x * kHalfPi.high;
  const Sum half = asin_of_root((x < 0 ? 1 + x : 1 - x) / 2);  // exact: x is between 1/2 and 1
  const double angle = kHalfPi.high - (2 * half.high + (2 * half.low - kHalfPi.low));
  return x < 0 ? -angle : angle;
}

/// The sine of x; NaN beyond kLargestAngle. Within 0.85 ulp.
constexpr double sin(double x) {
  using namespace detail;
  if (!(x >= -kLargestAngle && x <= kLargestAngle)) return kNan;
  if (x > -0x1p-27 && x < 0x1p-27) return x;  // the next term is below 2^-56 of it; keeps -0
  const Reduced reduced = reduce(x);
  const double magnitude = reduced.quarters % 2 == 0 ? sin_within(reduced.rest) : cos_within(reduced.rest);
  return (reduced.quarters & 2) == 0 ? magnitude : -magnitude;
}

/// The cosine of x; NaN beyond kLargestAngle. Within 0.85 ulp.
constexpr double cos(double x) {
  using namespace detail;
  if (!(x >= -kLargestAngle && x <= kLargestAngle)) return kNan;
  const Reduced reduced = reduce(x);
  const double magnitude = reduced.quarters % 2 == 0 ? cos_within(reduced.rest) : sin_within(reduced.rest);
  return ((reduced.quarters + 1) & 2) == 0 ? magnitude : -magnitude;
}

/// e to the x. Within 1 ulp.
constexpr double exp(double x) {
  constexpr int kTerms = 16;  // of Taylor's series, for arguments within ln(2) / 2: the rest is below 2^-60 of the sum
  constexpr double kLn2High = 0x1.62e42fefap-1, kLn2Low = 0x1.cf79abc9e3b3ap-40, kOverLn2 = 0x1.71547652b82fep+0;
  if (x != x) return x;
  if (x > 710) return __builtin_inf();
  if (x < -750) return 0;
  const int n = static_cast<int>(x * kOverLn2 + (x < 0 ? -0.5 : 0.5));
  const double high = x - n * kLn2High, low = n * kLn2Low, rest = high - low;  // high is exact
  double tail = 0, factorial = 20922789888000;                                 // of 16
  for (int k = kTerms; k >= 2; factorial /= k--) tail = tail * rest + 1 / factorial;
  const double near_one = 1 + (high + (rest * rest * tail - low));
  return near_one * detail::two_to(n / 2) * detail::two_to(n - n / 2);  // 2^n may lie beyond f64; the second rounds
}

}  // namespace ckmerge::math
