// SPDX-License-Identifier: Apache-2.0
#include "kernels/methods/slerp.h"

#include <algorithm>
#include <cmath>

#include "tests/kernels/methods/method_runs.h"

namespace ckmerge {
namespace {

// The sum of products as ARCHITECTURE.md defines it: blocks of 64 Ki elements, 16 lanes in each.
double sum_of_products(const std::vector<float>& x, const std::vector<float>& y) {
  volatile double all = 0;
  for (size_t block = 0; block < x.size(); block += 65536) {
    volatile double lanes[16] = {};
    for (size_t i = block; i < std::min(block + 65536, x.size()); ++i) {
      volatile double product = double{x[i]} * double{y[i]};
      lanes[i % 16] = lanes[i % 16] + product;
    }
    volatile double sum = lanes[0];
    for (size_t lane = 1; lane < 16; ++lane) sum = sum + lanes[lane];
    all = all + sum;
  }
  return all;
}

std::vector<float> combined(double c0, const std::vector<float>& a, double c1, const std::vector<float>& b) {
  std::vector<float> out(a.size());
  for (size_t i = 0; i < a.size(); ++i) {
    volatile float x = static_cast<float>(c0) * a[i], y = static_cast<float>(c1) * b[i];
    out[i] = x + y;
  }
  return out;
}

std::vector<float> scaled(float k, std::vector<float> values) {
  for (float& value : values) value *= k;
  return values;
}

TensorRun slerp(double t, const std::vector<float>& a, const std::vector<float>& b) {
  return merged_by_tensor("slerp", with_number(2, t), {a, b});
}

std::vector<float> line(double t, const std::vector<float>& a, const std::vector<float>& b) {
  return combined(1 - t, a, t, b);
}

// weights(1), and a tensor some 35 degrees from it.
const std::vector<float> kA = weights(1), kFar = weights(2);
std::vector<float> near_a() {
  std::vector<float> b = scaled(0.8f, kA);
  for (size_t i = 0; i < b.size(); ++i) b[i] += 0.5f * kFar[i];
  return b;
}
const std::vector<float> kNear = near_a();

// Arc coefficients by libm's long double.
std::pair<long double, long double> arc(double t, const std::vector<float>& a, const std::vector<float>& b) {
  long double aa = 0, bb = 0, ab = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    aa += static_cast<long double>(a[i]) * a[i];
    bb += static_cast<long double>(b[i]) * b[i];
    ab += static_cast<long double>(a[i]) * b[i];
  }
  const long double theta = std::acos(ab / std::sqrt(aa * bb));
  return {std::sin((1 - t) * theta) / std::sin(theta), std::sin(t * theta) / std::sin(theta)};
}

}  // namespace

TEST_CASE("slerp: exact statistics, coefficients right to 2^-45, and every element two products and a sum") {
  const auto long_a = weights(3, 150'001), long_b = weights(4, 150'001);
  const std::pair<const std::vector<float>*, const std::vector<float>*> pairs[] = {
      {&kA, &kFar}, {&kA, &kNear}, {&kNear, &kA}, {&long_a, &long_b}};
  for (const auto& [a, b] : pairs)
    for (const double t : {0.5, 0.3, -1.0, 2.0, 1e-9, 17.25}) {
      const TensorRun run = slerp(t, *a, *b);
      CHECK(run.statistics == std::vector{sum_of_products(*a, *a), sum_of_products(*b, *b), sum_of_products(*a, *b)});
      const auto [c0, c1] = arc(t, *a, *b);
      CHECK(std::fabs(run.coefficients[0] - static_cast<double>(c0)) < 0x1p-45);
      CHECK(std::fabs(run.coefficients[1] - static_cast<double>(c1)) < 0x1p-45);
      CHECK(run.out == combined(run.coefficients[0], *a, run.coefficients[1], *b));
    }
}

TEST_CASE("slerp: the same bits on every machine") {
  CHECK(digest(slerp(0.3, kA, kFar).out) == 0x0139cb90520d5b4a);
  CHECK(digest(slerp(0.5, kA, kNear).out) == 0x3673024024e0e5ed);
  CHECK(digest(slerp(-1, kA, kNear).out) == 0x6d12d8f360f5d748);
}

TEST_CASE("slerp: what mergekit's function gives, transcribed to numpy 1.24 in f32") {
  // normalize() where the norm is above 1e-8, dot = sum(v0 * v1), arccos, sin(theta - theta * t) and sin(theta * t)
  // over sin(theta), all of float32: its sums are pairwise and its sine of f32, hence the tolerance. Elements 0, 1,
  // 649, 1299.
  struct Expected {
    double t;
    std::vector<float> a, b, values;
  };
  const std::vector<float> none(kA.size(), 0);
  const Expected cases[] = {
      {0.3, kA, kFar, {-0.0321272798f, -0.0350969248f, 0.0199168362f, 0.0112871043f}},
      {2, kA, kFar, {0.0260796156f, 0.025175754f, -0.00545107294f, -0.0220448151f}},
      {0.5, kA, kNear, {-0.0283761807f, -0.0292790718f, 0.0120301275f, 0.0166544393f}},
      {0.75, kA, kNear, {-0.0296490174f, -0.0318658128f, 0.0166869797f, 0.012452173f}},
      {-1, kA, kNear, {-0.0104979277f, -0.00405141339f, -0.0174725763f, 0.0325152203f}},
      {2, kNear, kA, {-0.0104979277f, -0.00405141339f, -0.0174725763f, 0.0325152203f}},
      {0.25, kA, scaled(-1, kNear), {-0.00820581242f, -0.00123443082f, -0.0199055318f, 0.0329264589f}},
      {0.25, kA, scaled(-1, kA), {-0.0120856864f, -0.0112095159f, 0.00104752183f, 0.0119933039f}},
      {0.3, kA, kA, {-0.024171371f, -0.0224190298f, 0.00209504366f, 0.0239866078f}},
      {0.5, scaled(1e-9f, kA), kFar, {-0.01554807f, -0.0224613324f, 0.027344374f, -0.0158214122f}},
      {0.5, none, kFar, {-0.01554807f, -0.0224613324f, 0.027344374f, -0.0158214122f}},
  };
  for (const Expected& expected : cases) {
    const std::vector<float> out = slerp(expected.t, expected.a, expected.b).out;
    const size_t at[] = {0, 1, 649, 1299};
    for (size_t k = 0; k < 4; ++k) CHECK(std::fabs(out[at[k]] - expected.values[k]) < 2e-7);
  }
}

TEST_CASE("slerp: t 0 is A and t 1 is B, copied and without statistics, whatever the other holds") {
  for (const double t : {0.0, 1.0}) {
    const Coefficients ends = coefficients("slerp", with_number(2, t));
    CHECK_FALSE(find_method("slerp")->needs_statistics(ends.values));
    CHECK(copied("slerp", ends.values, 2) == size_t(t));
  }
  CHECK(slerp(0, {1, 2}, {NAN, INFINITY}).out == std::vector<float>{1, 2});
  CHECK(slerp(1, {NAN, INFINITY}, {1, 2}).out == std::vector<float>{1, 2});
}

TEST_CASE("slerp: nearly parallel and nearly opposed tensors are joined by the straight line") {
  // cos(theta) of (1, 0) and (1, tan(theta)); 0.9995 is the cosine of 0.03162
  for (const float sign : {1.0f, -1.0f}) {
    CHECK(slerp(0.25, {1, 0}, {sign, 0.0316f}).coefficients == std::vector{0.75, 0.25});
    CHECK(slerp(0.25, {1, 0}, {sign, 0.0317f}).coefficients != std::vector{0.75, 0.25});
  }
  CHECK(slerp(0.3, kA, kA).out == kA);  // equal stays equal
  CHECK(slerp(-1, kA, scaled(-2, kA)).out == line(-1, kA, scaled(-2, kA)));
}

TEST_CASE("slerp: a right angle, where the arc is a quarter of a circle") {
  const TensorRun run = slerp(0.5, {3, 0}, {0, 4});
  CHECK(run.statistics == std::vector<double>{9, 16, 0});
  CHECK(run.coefficients[0] == run.coefficients[1]);
  CHECK(std::fabs(run.coefficients[0] - std::sqrt(0.5)) < 0x1p-52);
}

TEST_CASE("slerp: tensors that are zero or shorter than 1e-8 are at a right angle to everything") {
  const double half = math::sin(0.5 * math::acos(0)) / math::sin(math::acos(0));
  const std::vector<float> zero = {0, 0}, some = {3, 4}, tiny = {5e-9f, 0};
  CHECK(slerp(0.5, zero, some).coefficients == std::vector{half, half});
  CHECK(slerp(0.5, some, zero).coefficients == std::vector{half, half});
  CHECK(slerp(0.5, zero, zero).out == zero);
  // Not made a unit vector, so that its cosine is 3e-9 and not 0.6; twice as long it is one.
  CHECK(std::fabs(slerp(0.5, tiny, some).coefficients[0] - half) < 1e-8);
  CHECK(std::fabs(slerp(0.5, tiny, tiny).coefficients[0] - half) < 1e-8);
  CHECK(std::fabs(slerp(0.5, scaled(2.1f, tiny), some).coefficients[0] - half) > 0.1);
}

TEST_CASE("slerp: without an angle, the straight line; only elements without a value have none in the output") {
  for (const float special : {NAN, INFINITY, -INFINITY}) {
    std::vector<float> broken = kFar;
    broken[700] = special;
    for (const TensorRun& run : {slerp(0.3, kA, broken), slerp(0.7, broken, kA)}) {
      CHECK(run.coefficients[0] + run.coefficients[1] == doctest::Approx(1));
      for (size_t i = 0; i < kA.size(); ++i) CHECK(std::isfinite(run.out[i]) == (i != 700));
    }
    CHECK(slerp(0.3, kA, broken).coefficients == std::vector{1 - 0.3, 0.3});
  }
}

TEST_CASE("slerp: sums of squares beyond f64 leave no angle; just below, there is one") {
  std::vector<double> c(2);
  const std::vector<double> wanted = {0.5, 0.5};
  method::slerp::tensor_coefficients(wanted, {.numbers = std::vector<double>{INFINITY, 1, 1}}, c);
  CHECK(c == wanted);
  method::slerp::tensor_coefficients(wanted, {.numbers = std::vector{1e308, 1e308, 0.0}}, c);
  CHECK(c[0] == doctest::Approx(std::sqrt(0.5)));
}

TEST_CASE("slerp: t up to 100000, where the sine is still exact; beyond it is refused") {
  for (const double t : {1e5, -1e5}) {
    const auto [c0, c1] = arc(t, kA, kNear);
    CHECK(slerp(t, kA, kNear).coefficients[1] == doctest::Approx(static_cast<double>(c1)).epsilon(1e-6));
  }
  CHECK(coefficients("slerp", with_number(2, 100'001)).fault.find("100000") != std::string::npos);
  CHECK_FALSE(coefficients("slerp", with_number(2, -1e300)).fault.empty());
}

TEST_CASE("slerp: t is --alpha on the command line") {
  const ParameterSpec& t = find_method("slerp")->spec->parameters[0];
  CHECK(std::string(t.name) == "t");
  CHECK(std::string(t.option_name()) == "alpha");
}

}  // namespace ckmerge
