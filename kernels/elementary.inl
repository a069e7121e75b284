// SPDX-License-Identifier: Apache-2.0
// exp, log and power in + - * / of f64, which IEEE defines to the last bit, where those of libm differ from machine to
// machine. Arguments are brought near 0 or 1 by powers of two (Cody and Waite), the rest are Taylor's series, their
// coefficients quotients of whole numbers that f64 holds, each rounded once. f32 is computed in f64 with fewer terms
// and rounded at the end. No branch: loops over them become vector code. Bounds are in units in the last place (ulp) of
// the result; tests/kernels/elementary_test.cpp measures them. Part of elementwise.inl.

// All of it is one loop's body on a CPU. On a device it is called: inlined, its registers would be every program's.
#if defined(CKMERGE_COLD)
#define CKMERGE_FUNCTION CKMERGE_COLD
#else
#define CKMERGE_FUNCTION CKMERGE_INLINE __attribute__((always_inline))
#endif

// ln 2 in a part of 37 bits, whose multiples below 2^16 are exact, and what it leaves out.
constexpr double kLn2High = 0x1.62e42fefap-1, kLn2Low = 0x1.cf79abc9e3b3ap-40, kLn2 = 0x1.62e42fefa39efp-1;
constexpr double kOverLn2 = 0x1.71547652b82fep+0;

// Added to a number below 2^51 it leaves the nearest whole number in the low bits.
constexpr double kWhole = 0x1.8p52;
constexpr uint64_t kOneBits = 0x3ff0000000000000;
constexpr int kFraction = 52;  // bits

template <typename... Coefficients>
CKMERGE_FUNCTION double series(double x, double first, Coefficients... others) {
  if constexpr (sizeof...(others) == 0)
    return first;
  else
    return first + x * series(x, others...);
}

// exp(high - low) for sums within ln(2) / 2. The terms left out are below 2^-32 of the sum for f32, 2^-58 for f64.
template <typename T>
CKMERGE_FUNCTION double exp_near_zero(double high, double low) {
  const double r = high - low;
  if constexpr (sizeof(T) == sizeof(float)) {
    const double square = r * r;  // even and odd powers side by side: half the latency
    return series(square, 1.0, 1 / 2.0, 1 / 24.0, 1 / 720.0, 1 / 40320.0) +
           r * series(square, 1.0, 1 / 6.0, 1 / 120.0, 1 / 5040.0);
  }
  const double tail = series(r, 1 / 2.0, 1 / 6.0, 1 / 24.0, 1 / 120.0, 1 / 720.0, 1 / 5040.0, 1 / 40320.0, 1 / 362880.0,
                             1 / 3628800.0, 1 / 39916800.0, 1 / 479001600.0, 1 / 6227020800.0);
  return 1 + (high + (r * r * tail - low));
}

// 2^n of the whole number n that `whole` holds in its low bits.
CKMERGE_FUNCTION double two_to(double whole) {
  return value_laid_out<double>((layout_of(whole) << kFraction) + kOneBits);
}

// exp(x), to be rounded to T. Beyond the limits it is 0 or Inf there.
template <typename T>
CKMERGE_FUNCTION double exp_for(double x) {
  constexpr bool kNarrow = sizeof(T) == sizeof(float);
  constexpr double kLeast = kNarrow ? -110 : -750, kMost = kNarrow ? 90 : 710;
  const double above = x < kLeast ? kLeast : x, within = above > kMost ? kMost : above;  // a NaN stays
  const double whole = within * kOverLn2 + kWhole, n = whole - kWhole;
  // The exponent of what is near 1 has room for n.
  if constexpr (kNarrow) {
    const double near_one = exp_near_zero<T>(within - n * kLn2, 0);
    return value_laid_out<double>(layout_of(near_one) + (layout_of(whole) << kFraction));
  }
  // In two steps, because 2^n itself may lie beyond f64; only the second rounds.
  const double half = n * 0.5 + kWhole;
  const double near_zero = exp_near_zero<T>(within - n * kLn2High, n * kLn2Low);
  return near_zero * two_to(half) * two_to((n - (half - kWhole)) + kWhole);
}

// x = 2^n (1 + f) with 1 + f between the roots of 1/2 and 2; f is exact. REQUIRES: x is positive, finite and normal.
struct NearOne {
  double n, f;
};
CKMERGE_FUNCTION NearOne near_one(double x) {
  constexpr uint64_t kRootOfHalf = 0x3fe6a09e667f3bcd, kExponent = 0x4330000000000000;  // bits of 2^52
  const uint64_t bits = layout_of(x), biased = (bits + (kOneBits - kRootOfHalf)) >> kFraction;
  const double n = value_laid_out<double>(kExponent | biased) - (0x1p52 + 1023);
  return {n, value_laid_out<double>(bits - (biased << kFraction) + kOneBits) - 1};
}

// log((1 + s) / (1 - s)) = 2 (s + s^3/3 + s^5/5 + ...) with s = f / (2 + f) is log(1 + f), |s| < 0.172. The terms left
// out are below 2^-39 of the sum for f32, 2^-60 for f64.

// For f32, what is told apart by its bits is so in 32 of them: twice as many fit a register.
CKMERGE_FUNCTION double log_for(float x) {
  constexpr uint32_t kRootOfHalf = 0x3f3504f3, kOne = 0x3f800000;
  constexpr int kShort = 23;  // bits of the fraction
  const bool tiny = x < 0x1p-126f;
  const uint32_t bits = layout_of(tiny ? x * 0x1p23f : x), biased = (bits + (kOne - kRootOfHalf)) >> kShort;
  const float counted = static_cast<float>(static_cast<int32_t>(biased)) - (tiny ? 127 + 23 : 127);
  const float finite = x < __builtin_inff() ? counted : x;  // Inf stays
  const float otherwise = x == 0 ? -__builtin_inff() : __builtin_nanf("");
  const double n = x > 0 ? finite : otherwise;
  const double f = static_cast<double>(value_laid_out<float>(bits - (biased << kShort) + kOne)) - 1;
  const double s = f / (2 + f), z = s * s, square = z * z;
  return n * kLn2 +
         s * (series(square, 2.0, 2 / 5.0, 2 / 9.0, 2 / 13.0) + z * series(square, 2 / 3.0, 2 / 7.0, 2 / 11.0));
}

CKMERGE_FUNCTION double log_of_positive(double x) {
  const bool tiny = x < 0x1p-1022;
  const NearOne x_is = near_one(tiny ? x * 0x1p54 : x);
  const double n = tiny ? x_is.n - 54 : x_is.n, f = x_is.f, s = f / (2 + f), z = s * s, half_square = 0.5 * f * f;
  const double tail = z * series(z, 2 / 3.0, 2 / 5.0, 2 / 7.0, 2 / 9.0, 2 / 11.0, 2 / 13.0, 2 / 15.0, 2 / 17.0,
                                 2 / 19.0, 2 / 21.0, 2 / 23.0);
  // 2 s = f - s f, so that the largest term is exact.
  return n * kLn2High - ((half_square - (s * (half_square + tail) + n * kLn2Low)) - f);
}

CKMERGE_FUNCTION double log_for(double x) {
  const double finite = x < __builtin_inf() ? log_of_positive(x) : x;  // Inf and NaN stay
  const double otherwise = x == 0 ? -__builtin_inf() : __builtin_nan("");
  return x > 0 ? finite : otherwise;
}

template <typename T>
CKMERGE_FUNCTION T exp_of(T x) {
  return static_cast<T>(exp_for<T>(x));
}
template <typename T>
CKMERGE_FUNCTION T log_of(T x) {
  return static_cast<T>(log_for(x));
}
// exp(exponent), which is y log(x), as x to the y.
template <typename T>
CKMERGE_FUNCTION T power_by(T x, T y, double exponent) {
  const T power = static_cast<T>(exp_for<T>(exponent));
  return ((x == 1) | (y == 0)) ? 1 : power;
}
template <typename T>
CKMERGE_FUNCTION T power_of(T x, T y) {
  return power_by(x, y, static_cast<double>(y) * log_for(x));
}
