// SPDX-License-Identifier: Apache-2.0
// Where rounding can go wrong: around every value of a format and every midpoint of two, at its limits, in its
// subnormals, and in f64 where rounding by way of f32 would round twice.
#include "tests/kernels/stores.h"

#include <cfloat>
#include <cmath>
#include <limits>
#include <random>

namespace ckmerge {
namespace {

using oracle::bits_as;

// Magnitudes where the code of a small format changes or is exact: values, midpoints, and the tie above the largest.
std::vector<double> boundaries(Dtype dtype) {
  std::vector<double> values = oracle::finite_values(dtype);
  const size_t count = values.size();
  values.push_back(2 * values[count - 1] - values[count - 2]);
  std::vector<double> points;
  for (size_t i = 0; i < values.size(); ++i) {
    points.push_back(values[i]);
    if (i + 1 < values.size()) points.push_back((values[i] + values[i + 1]) / 2);
  }
  return points;
}

std::vector<float> around(const std::vector<double>& points) {
  std::vector<float> values;
  for (const double point : points) {
    const int64_t bits = bits_as<uint32_t>(static_cast<float>(point));
    for (int64_t step = -2; step <= 2; ++step)
      for (const uint32_t sign : {0u, 0x80000000u})
        if (bits + step >= 0) values.push_back(bits_as<float>(static_cast<uint32_t>(bits + step) | sign));
  }
  return values;
}

std::vector<double> tightly_around(const std::vector<double>& points) {
  std::vector<double> values;
  for (const double point : points)
    for (const double sign : {1.0, -1.0})
      for (const double x : {std::nextafter(std::nextafter(point, 0), 0), std::nextafter(point, 0), point,
                             std::nextafter(point, INFINITY), point * (1 + 0x1p-40), point * (1 - 0x1p-40),
                             point * (1 + 0x1p-25), point * (1 - 0x1p-25)})
        values.push_back(sign * x);
  return values;
}

std::vector<float> special_floats() {
  std::vector<float> values;
  for (const uint32_t magnitude :
       {0x00000000u, 0x00000001u, 0x00000002u, 0x00007fffu, 0x00008000u, 0x00008001u, 0x00400000u,
        0x007fffffu, 0x00800000u, 0x00800001u, 0x7f7fffffu, 0x7f7f7fffu, 0x7f7f8000u, 0x7f7f8001u,
        0x7f800000u, 0x7f800001u, 0x7f80ffffu, 0x7fbfffffu, 0x7fc00000u, 0x7fc00001u, 0x7fffffffu})
    for (const uint32_t sign : {0u, 0x80000000u}) values.push_back(bits_as<float>(magnitude | sign));
  return values;
}

std::vector<double> special_doubles() {
  std::vector<double> values;
  for (const float value : special_floats()) values.push_back(value);
  for (const uint64_t magnitude : std::initializer_list<uint64_t>{
           0x0000000000000001, 0x000fffffffffffff, 0x0010000000000000, 0x36a0000000000000, 0x36a0000000000001,
           0x3690000000000000, 0x3690000000000001, 0x47efffffefffffff, 0x47effffff0000000, 0x7fefffffffffffff,
           0x7ff0000000000000, 0x7ff0000000000001, 0x7ff8000000000001, 0x7fffffffffffffff})
    for (const uint64_t sign : {uint64_t{0}, uint64_t{1} << 63}) values.push_back(bits_as<double>(magnitude | sign));
  return values;
}

template <typename T, typename Bits>
void append_random(std::vector<T>& values, size_t count) {
  std::mt19937_64 random(7);
  for (size_t i = 0; i < count; ++i) values.push_back(bits_as<T>(static_cast<Bits>(random())));
}

}  // namespace

TEST_CASE("f32 to the small formats: every value, every midpoint, two steps to each side, limits, NaN and Inf") {
  for (const Dtype dtype : oracle::kSmall) {
    std::vector<float> values = around(boundaries(dtype));
    const std::vector<float> special = special_floats();
    values.insert(values.end(), special.begin(), special.end());
    append_random<float, uint32_t>(values, 100'000);
    check_stores(dtype, values);
  }
}

TEST_CASE("f64 to the small formats rounds once, where rounding to f32 first would round twice") {
  for (const Dtype dtype : oracle::kSmall) {
    std::vector<double> values = tightly_around(boundaries(dtype));
    const std::vector<double> special = special_doubles();
    values.insert(values.end(), special.begin(), special.end());
    for (const float value : around(boundaries(dtype))) values.push_back(value);
    append_random<double, uint64_t>(values, 100'000);
    check_stores(dtype, values);
  }
}

TEST_CASE("f64 to f32: midpoints, subnormals, overflow; f32 to f64: exact; NaN becomes the positive quiet one") {
  std::vector<double> doubles = special_doubles();
  std::vector<float> floats = special_floats();
  append_random<float, uint32_t>(floats, 20'000);
  std::vector<double> midpoints;
  for (const float value : floats)
    if (std::isfinite(value)) midpoints.push_back((value + double{std::nextafter(value, INFINITY)}) / 2);
  for (const double value : tightly_around(midpoints)) doubles.push_back(value);
  append_random<double, uint64_t>(doubles, 20'000);
  check_stores(Dtype::F32, doubles);
  check_stores(Dtype::F64, doubles);
  check_stores(Dtype::F32, floats);
  check_stores(Dtype::F64, floats);
}

TEST_CASE("the documented examples, in hexadecimal") {
  struct Example {
    double value;
    Dtype dtype;
    uint32_t code;
  };
  const Example examples[] = {
      {NAN, Dtype::F16, 0x7e00},         {-NAN, Dtype::BF16, 0x7fc0},     {NAN, Dtype::F8_E4M3, 0x7f},
      {-NAN, Dtype::F8_E5M2, 0x7f},      {464, Dtype::F8_E4M3, 0x7e},     {465, Dtype::F8_E4M3, 0x7e},
      {-1e30, Dtype::F8_E4M3, 0xfe},     {61440, Dtype::F8_E5M2, 0x7b},   {-INFINITY, Dtype::F8_E5M2, 0xfc},
      {-INFINITY, Dtype::F8_E4M3, 0x7f}, {65519.99, Dtype::F16, 0x7bff},  {65520, Dtype::F16, 0x7c00},
      {0x1p-24, Dtype::F16, 0x0001},     {0x1p-25, Dtype::F16, 0x0000},   {-0.0, Dtype::F8_E4M3, 0x80},
      {0x1p-9, Dtype::F8_E4M3, 0x01},    {0x1p-16, Dtype::F8_E5M2, 0x01}, {0x1p-133, Dtype::BF16, 0x0001},
      {3.39e38, Dtype::BF16, 0x7f7f},    {3.4e38, Dtype::BF16, 0x7f80},   {-1, Dtype::F8_E5M2, 0xbc},
  };
  for (const BlockKernels* kernels : available_kernels())
    for (const Example& example : examples) {
      uint32_t code32 = 0, code64 = 0;
      StoreCounts counts;
      const auto narrowed = static_cast<float>(example.value);
      store(*kernels, example.dtype, &narrowed, &code32, 1, &counts);
      store(*kernels, example.dtype, &example.value, &code64, 1, &counts);
      CHECK(code32 == example.code);
      CHECK(code64 == example.code);
    }
}

TEST_CASE("each count says what happened to values") {
  const float values[] = {1e9f, -1e9f, INFINITY, 3e38f, 1, NAN, 449};
  for (const BlockKernels* kernels : available_kernels()) {
    unsigned char out[64];
    StoreCounts e4m3, e5m2, f16;
    store(*kernels, Dtype::F8_E4M3, values, out, std::size(values), &e4m3);
    store(*kernels, Dtype::F8_E5M2, values, out, std::size(values), &e5m2);
    store(*kernels, Dtype::F16, values, out, std::size(values), &f16);
    CHECK(e4m3 == StoreCounts{.saturated = 3, .lost_inf = 1, .non_finite = 2});
    CHECK(e5m2 == StoreCounts{.saturated = 3, .non_finite = 2});
    CHECK(f16 == StoreCounts{.overflowed = 3, .non_finite = 5});
    StoreCounts f32, f64;
    store(*kernels, Dtype::F32, values, out, std::size(values), &f32);
    store(*kernels, Dtype::F64, values, out, std::size(values), &f64);
    CHECK(f32 == StoreCounts{.non_finite = 2});
    CHECK(f64 == StoreCounts{.non_finite = 2});
  }
}

}  // namespace ckmerge
