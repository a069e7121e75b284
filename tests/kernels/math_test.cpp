// SPDX-License-Identifier: Apache-2.0
// kernels/math.h against libm's long double, whose error is a thousandth of what is measured here on x86-64 (64 bits)
// and none to speak of on aarch64 (113 bits); and bit for bit against itself on every machine.
#include "kernels/math.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "tests/kernels/oracle.h"

namespace ckmerge {
namespace {

using oracle::bits_as;

// Distance of `got` from `right` in units in the last place of the latter.
double ulps(double got, long double right) {
  int exponent = 0;
  std::frexp(static_cast<double>(right), &exponent);
  return static_cast<double>(std::fabs((got - right) / std::ldexp(1.0L, std::max(exponent, -1021) - 53)));
}

class Samples {
 public:
  double within(double low, double high) { return low + (high - low) * std::ldexp(double(random_() >> 11), -53); }
  double near(double x) { return bits_as<double>(bits_as<uint64_t>(x) + random_() % 9 - 4); }

 private:
  std::mt19937_64 random_{1};
};

struct Worst {
  double acos = 0, asin = 0, sin = 0, cos = 0;
  void at_sine(double x) { asin = std::max(asin, ulps(math::asin(x), std::asin(static_cast<long double>(x)))); }
  void at_cosine(double x) { acos = std::max(acos, ulps(math::acos(x), std::acos(static_cast<long double>(x)))); }
  void at_angle(double x) {
    sin = std::max(sin, ulps(math::sin(x), std::sin(static_cast<long double>(x))));
    cos = std::max(cos, ulps(math::cos(x), std::cos(static_cast<long double>(x))));
  }
};

struct Golden {
  double x;
  uint64_t bits;
};

constexpr Golden kAcos[] = {
    {0x0p+0, 0x3ff921fb54442d18},
    {0x1.999999999999ap-4, 0x3ff787b22ce3f590},
    {-0x1.999999999999ap-4, 0x3ffabc447ba464a1},
    {0x1p-1, 0x3ff0c152382d7366},
    {-0x1p-1, 0x4000c152382d7366},
    {0x1.0000000000001p-1, 0x3ff0c152382d7365},
    {0x1.6666666666666p-1, 0x3fe973e83f5d5c9b},
    {-0x1.6666666666666p-1, 0x4002c501446cd5f2},
    {0x1.ccccccccccccdp-1, 0x3fdcdd9f8f922e98},
    {-0x1.ccccccccccccdp-1, 0x400586476251e745},
    {0x1.ffbe76c8b4396p-1, 0x3fa031088621c93e},
    {-0x1.ffbe76c8b4396p-1, 0x4008e137322ba5f3},
    {0x1.f9add3746f659p-4, 0x3ff727026157e379},
    {0x1.fffffffffffffp-1, 0x3e50000000000000},
    {-0x1.fffffffffffffp-1, 0x400921fb52442d18},
    {0x1p+0, 0x0000000000000000},
    {-0x1p+0, 0x400921fb54442d18},
    {0x1p-60, 0x3ff921fb54442d18},
    {0x1.5555555555555p-2, 0x3ff3b2028082e8d4},
};

constexpr Golden kSin[] = {
    {0x0p+0, 0x0000000000000000},
    {-0x0p+0, 0x8000000000000000},
    {0x1.999999999999ap-4, 0x3fb98eaecb8bcb2c},
    {-0x1.999999999999ap-4, 0xbfb98eaecb8bcb2c},
    {0x1p-1, 0x3fdeaee8744b05f0},
    {0x1.921fb54442d18p-1, 0x3fe6a09e667f3bcc},
    {0x1p+0, 0x3feaed548f090cee},
    {0x1.921fb54442d18p+0, 0x3ff0000000000000},
    {0x1p+1, 0x3fed18f6ead1b446},
    {0x1.8p+1, 0x3fc210386db6d55b},
    {-0x1.8p+1, 0xbfc210386db6d55b},
    {0x1.921fb54442d18p+1, 0x3ca1a62633145c07},
    {0x1.4p+3, 0xbfe1689ef5f34f52},
    {0x1.92p+6, 0xbf9fb3f833470ff1},
    {-0x1.f42p+9, 0xbfee1702343c0531},
    {0x1.e240c9fbe76c9p+16, 0xbfeff50e60ab53f9},
    {0x1p+20, 0x3fd526ccb2fc8656},
    {-0x1p+20, 0xbfd526ccb2fc8656},
    {0x1p-30, 0x3e10000000000000},
    {0x0.0000000000001p-1022, 0x0000000000000001},
    {0x1.030dc4ea03a72p-5, 0x3fa0302b77f58417},
};

}  // namespace

TEST_CASE("acos is within 0.85 ulp: a grid, random cosines, and the neighbourhoods where a branch begins or ends") {
  Worst worst;
  for (int i = -50'000; i <= 50'000; ++i) worst.at_cosine(i / 50'000.0);
  Samples samples;
  for (int i = 0; i < 100'000; ++i) worst.at_cosine(samples.within(-1, 1));
  for (int i = 1; i < 1'000; ++i) {
    worst.at_cosine(samples.near(0.5));
    worst.at_cosine(samples.near(-0.5));
    worst.at_cosine(samples.near(0.9995));
    worst.at_cosine(1 - i * 0x1p-53);
    worst.at_cosine(-1 + i * 0x1p-53);
    worst.at_cosine(std::ldexp(1.7, -i));
  }
  CHECK(worst.acos < 0.85);
  CHECK(worst.acos > 0.5);  // a measurement that finds less than rounding to nearest would be broken
}

TEST_CASE("asin is within 1.2 ulp likewise, keeps signs and the smallest sines, and is NaN beyond 1") {
  Worst worst;
  for (int i = -50'000; i <= 50'000; ++i) worst.at_sine(i / 50'000.0);
  Samples samples;
  for (int i = 0; i < 100'000; ++i) worst.at_sine(samples.within(-1, 1));
  for (int i = 1; i < 1'000; ++i) {
    worst.at_sine(samples.near(0.5));
    worst.at_sine(samples.near(-0.5));
    worst.at_sine(1 - i * 0x1p-53);
    worst.at_sine(-1 + i * 0x1p-53);
    worst.at_sine(std::ldexp(1.7, -i));
    worst.at_sine(samples.near(0x1p-27));
  }
  CHECK(worst.asin < 1.2);
  CHECK(worst.asin > 0.5);
  CHECK(bits_as<uint64_t>(math::asin(-0.0)) == bits_as<uint64_t>(-0.0));
  CHECK(math::asin(1) == std::asin(1.0));
  CHECK(math::asin(-1) == -std::asin(1.0));
  for (const double x : {1.0000001, -2.0, double(INFINITY), double(NAN)}) CHECK(std::isnan(math::asin(x)));
  CHECK(bits_as<uint64_t>(math::asin(0.1)) == 0x3fb9a49276037884);
  CHECK(bits_as<uint64_t>(math::asin(-0.9)) == 0xbff1ea93705fa172);
}

TEST_CASE("sin and cos are within 0.85 ulp: angles of every size, and the multiples of pi/2 where they nearly vanish") {
  Worst worst;
  for (int i = -50'000; i <= 50'000; ++i) worst.at_angle(i / 10'000.0);
  Samples samples;
  for (int i = 0; i < 100'000; ++i) {
    worst.at_angle(samples.within(-4, 4));
    worst.at_angle(samples.within(-0x1p20, 0x1p20));
    worst.at_angle(std::ldexp(samples.within(1, 2), -i % 60));
    worst.at_angle(samples.near(i * 6 * 0x1.921fb54442d18p0));
    worst.at_angle(samples.near((i * 12 + 1) * 0x1.921fb54442d18p-1));
  }
  CHECK(worst.sin < 0.85);
  CHECK(worst.sin > 0.5);
  CHECK(worst.cos < 0.85);
  CHECK(worst.cos > 0.5);
}

TEST_CASE("exp is within 1 ulp, from where it vanishes to where it overflows") {
  double worst = 0;
  const auto at = [&](double x) { worst = std::max(worst, ulps(math::exp(x), std::exp(static_cast<long double>(x)))); };
  Samples samples;
  for (int i = 0; i < 100'000; ++i) {
    at(samples.within(-708, 709.7));
    at(samples.within(-2, 2));
    at(std::ldexp(samples.within(-1, 1), -i % 60));
  }
  CHECK(worst <= 1);
  CHECK(worst > 0.5);
  CHECK(math::exp(0) == 1);
  CHECK(math::exp(-745.0) == 0x1p-1074);
  CHECK(math::exp(-746.0) == 0);
  CHECK(math::exp(-INFINITY) == 0);
  CHECK(math::exp(710.0) == INFINITY);
  CHECK(std::isnan(math::exp(NAN)));
  static_assert(math::exp(1) == 0x1.5bf0a8b14576ap+1);
}

TEST_CASE("the same bits on every machine, and where the compiler computes") {
  for (const Golden& golden : kAcos) CHECK(bits_as<uint64_t>(math::acos(golden.x)) == golden.bits);
  for (const Golden& golden : kSin) CHECK(bits_as<uint64_t>(math::sin(golden.x)) == golden.bits);
  static_assert(math::acos(kAcos[1].x) == __builtin_bit_cast(double, kAcos[1].bits));
  static_assert(math::sin(kSin[8].x) == __builtin_bit_cast(double, kSin[8].bits));
  static_assert(math::cos(0) == 1 && math::cos(0x1.921fb54442d18p+1) == -1 && math::cos(-1) == 0x1.14a280fb5068cp-1);
}

TEST_CASE("outside of their domains they are NaN") {
  for (const double x : {std::nextafter(1.0, 2.0), -1.5, 1e300, double(INFINITY), -double(INFINITY), double(NAN)})
    CHECK(std::isnan(math::acos(x)));
  for (const double x : {std::nextafter(0x1p20, 0x1p21), -0x1p21, 1e300, double(INFINITY), double(NAN)})
    CHECK((std::isnan(math::sin(x)) && std::isnan(math::cos(x))));
}

}  // namespace ckmerge
