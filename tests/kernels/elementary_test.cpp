// SPDX-License-Identifier: Apache-2.0
// exp, log and power of blocks: a 2^12th of all f32 values and samples of f64 against libm, the edges, and bit for bit
// against themselves on every machine. kernels_exhaustive takes all f32 values.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "tests/kernels/elementary_errors.h"
#include "tests/kernels/oracle.h"

namespace ckmerge {
namespace {

using oracle::bits_as;

template <typename T>
T run(const BlockKernels& kernels, Op op, T x, T y = 0) {
  T out = 9;
  if constexpr (sizeof(T) == sizeof(float))
    kernels.op32[static_cast<size_t>(op)](&out, &x, &y, nullptr, 0, 0, 1);
  else
    kernels.op64[static_cast<size_t>(op)](&out, &x, &y, nullptr, 0, 0, 1);
  return out;
}

const BlockKernels& best() { return **available_kernels().begin(); }

// In units in the last place of the right value in T.
template <typename T>
double ulps(T got, long double right) {
  constexpr int kDigits = std::numeric_limits<T>::digits, kLeast = std::numeric_limits<T>::min_exponent;
  int exponent = 0;
  std::frexp(right, &exponent);
  return static_cast<double>(std::fabs((got - right) / std::ldexp(1.0L, std::max(exponent, kLeast) - kDigits)));
}

class Samples {
 public:
  double within(double low, double high) { return low + (high - low) * std::ldexp(double(random_() >> 11), -53); }

 private:
  std::mt19937_64 random_{1};
};

}  // namespace

TEST_CASE("f32 functions of one argument keep their bounds, and every table gives the same") {
  for (const Elementary& function : elementary_functions()) {
    const ElementaryErrors errors = elementary_errors(function, 0, uint64_t{1} << 32, 4093);
    CAPTURE(function.name);
    CHECK(errors.worst <= function.bound);
    CHECK(errors.different == 0);
    if (function.bound > 0) CHECK(errors.worst > 0.49);  // a measurement that finds less would be broken
  }
}

TEST_CASE("f64 exp and log are within 1 ulp, power within 1 + 2 |y ln x|") {
  Samples samples;
  double exp = 0, log = 0, power = 0;
  for (int i = 0; i < 100'000; ++i) {
    for (const double x :
         {samples.within(-745, 709.7), samples.within(-1, 1), std::ldexp(samples.within(-1, 1), -i % 80)})
      exp = std::max(exp, ulps(run(best(), Op::exponential, x), std::exp(static_cast<long double>(x))));
    for (const double x : {std::ldexp(samples.within(1, 2), i % 2098 - 1074), samples.within(0.5, 2),
                           1 + std::ldexp(samples.within(-1, 1), -i % 53)})
      log = std::max(log, ulps(run(best(), Op::logarithm, x), std::log(static_cast<long double>(x))));
    const double x = std::ldexp(samples.within(1, 2), i % 200 - 100), y = samples.within(-8, 8);
    const long double right = std::pow(static_cast<long double>(x), static_cast<long double>(y));
    power = std::max(power, ulps(run(best(), Op::power, x, y), right) / (1 + 2 * std::fabs(y * std::log(x))));
  }
  CHECK(exp <= 1);
  CHECK(log <= 1);
  CHECK(power <= 1);
  for (const double worst : {exp, log, power}) CHECK(worst > 0.5);
}

TEST_CASE("f32 power is within 0.51 ulp, and x to the 1 is x") {
  Samples samples;
  double worst = 0;
  int wrong = 0;
  for (int i = 0; i < 100'000; ++i) {
    const auto x = static_cast<float>(std::ldexp(samples.within(1, 2), i % 276 - 149));
    const auto y = static_cast<float>(samples.within(-2, 2));
    const double right = std::pow(static_cast<double>(x), static_cast<double>(y));
    const float got = run(best(), Op::power, x, y);
    if (std::isinf(static_cast<float>(right)))
      wrong += !std::isinf(got);
    else
      worst = std::max(worst, ulps(got, right));
    wrong += run(best(), Op::power, x, 1.0f) != x;
  }
  CHECK(wrong == 0);
  CHECK(worst <= 0.51);
  CHECK(worst > 0.49);
}

TEST_CASE("edges of exp, log and power") {
  constexpr float kInf = INFINITY;
  constexpr float kNan = NAN;
  for (const BlockKernels* k : available_kernels()) {
    for (const float x : {0.0f, -0.0f}) {
      CHECK(run(*k, Op::exponential, x) == 1);
      CHECK(run(*k, Op::logarithm, x) == -kInf);
      CHECK(run(*k, Op::power, x, 0.5f) == 0);
      CHECK(run(*k, Op::power, x, -0.5f) == kInf);
      for (const float any : {kInf, kNan, -1.0f, 3.0f}) CHECK(run(*k, Op::power, any, x) == 1);
    }
    CHECK(run(*k, Op::exponential, kInf) == kInf);
    CHECK(run(*k, Op::exponential, -kInf) == 0);
    CHECK(run(*k, Op::exponential, 1e30f) == kInf);
    CHECK(run(*k, Op::exponential, -1e30f) == 0);
    CHECK(run(*k, Op::logarithm, kInf) == kInf);
    CHECK(run(*k, Op::logarithm, 1.0f) == 0);
    CHECK(run(*k, Op::power, kInf, 0.5f) == kInf);
    CHECK(run(*k, Op::power, kInf, -0.5f) == 0);
    for (const float any : {kInf, kNan, -1.0f}) CHECK(run(*k, Op::power, 1.0f, any) == 1);
    for (const float x : {-1.0f, -kInf, kNan}) {
      CHECK(std::isnan(run(*k, Op::logarithm, x)));
      CHECK(std::isnan(run(*k, Op::power, x, 2.0f)));
    }
    CHECK(std::isnan(run(*k, Op::exponential, kNan)));
    CHECK(std::isnan(run(*k, Op::power, 2.0f, kNan)));
    CHECK(run(*k, Op::exponential, 709.0) < INFINITY);
    CHECK(run(*k, Op::exponential, 710.0) == INFINITY);
    CHECK(run(*k, Op::exponential, -745.0) == 0x1p-1074);
    CHECK(run(*k, Op::exponential, -746.0) == 0);
    CHECK(run(*k, Op::power, 4.0, 0.5) == 2);
  }
}

TEST_CASE("exp, log and power: the same bits on every machine") {
  uint64_t hash = 0xcbf29ce484222325;
  const auto add = [&](uint64_t bits) { hash = (hash ^ bits) * 0x100000001b3; };
  Samples samples;
  for (int i = 0; i < 20'000; ++i) {
    const double x = std::ldexp(samples.within(1, 2), i % 60 - 30), y = samples.within(-2, 2);
    add(bits_as<uint64_t>(run(best(), Op::exponential, y * 20)));
    add(bits_as<uint64_t>(run(best(), Op::logarithm, x)));
    add(bits_as<uint64_t>(run(best(), Op::power, x, y)));
    const auto narrow_x = static_cast<float>(x), narrow_y = static_cast<float>(y);
    add(bits_as<uint32_t>(run(best(), Op::exponential, narrow_y * 20)));
    add(bits_as<uint32_t>(run(best(), Op::logarithm, narrow_x)));
    add(bits_as<uint32_t>(run(best(), Op::power, narrow_x, narrow_y)));
  }
  CHECK(hash == 0xcbd4469fe8b82248);
}

}  // namespace ckmerge
