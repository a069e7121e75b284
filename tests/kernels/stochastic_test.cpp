// SPDX-License-Identifier: Apache-2.0
// Stochastic rounding against its definition: which neighbour a value goes to is told by the distance, in 31 bits of a
// fraction, and by Philox's word of the element's index.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "kernels/program.h"
#include "tests/kernels/naive_placed.h"
#include "tests/kernels/oracle.h"

namespace ckmerge {
namespace {

const Program kLoad{.compute = Dtype::F32, .result = 0, .code = {{.op = Op::load}}};
const Program kLoadWide{.compute = Dtype::F64, .result = 0, .code = {{.op = Op::load}}};

uint32_t word_of(uint64_t key, uint64_t index) {
  const uint64_t counter = index / 4;
  return naive_philox({static_cast<uint32_t>(counter), static_cast<uint32_t>(counter >> 32), 0, 0},
                      {static_cast<uint32_t>(key), static_cast<uint32_t>(key >> 32)})[index % 4];
}

// What is beyond the largest value is stored as by every store.
uint32_t draw_naively(Dtype dtype, double value, uint32_t word, StoreCounts& counts) {
  const std::vector<double>& values = oracle::finite_values(dtype);
  const double magnitude = std::fabs(value);
  if (!(magnitude < values.back())) return oracle::encode(dtype, value, counts);
  auto code = static_cast<uint32_t>(std::ranges::upper_bound(values, magnitude) - values.begin()) - 1;
  const double share = (magnitude - values[code]) / (values[code + 1] - values[code]);
  code += std::floor(share * 0x1p31) + (word >> 1) >= 0x1p31;
  counts.vanished += code == 0 && value != 0;
  return code | (std::signbit(value) ? uint32_t{1} << (info(dtype).bits - 1) : 0);
}

template <typename T>
void check_draws(const std::vector<T>& values) {
  const Program& program = sizeof(T) == 4 ? kLoad : kLoadWide;
  const Operand operand{.data = values.data(), .dtype = program.compute};
  for (const BlockKernels* kernels : available_kernels())
    for (const Dtype dtype : oracle::kSmall) {
      const Rounding rounding{.stochastic = true, .key = 0x0123456789abcdef};
      const Places places{.first = 5};
      const size_t size = element_size(dtype);
      std::vector<unsigned char> got(values.size() * size), expected(values.size() * size);
      StoreCounts got_counts, expected_counts;
      run_program(*kernels, program, &operand, 0, values.size(), got.data(), dtype, got_counts, places, rounding);
      for (size_t i = 0; i < values.size(); ++i) {
        const uint32_t code = draw_naively(dtype, values[i], word_of(rounding.key, 5 + i), expected_counts);
        std::memcpy(&expected[i * size], &code, size);
      }
      const auto at = static_cast<size_t>(std::ranges::mismatch(got, expected).in1 - got.begin()) / size;
      CHECK_MESSAGE(got == expected,
                    kernels->isa << " " << info(dtype).name << " of " << values[std::min(at, values.size() - 1)]);
      CHECK(got_counts == expected_counts);
    }
}

template <typename T>
std::vector<T> awkward_values() {
  std::vector<T> values;
  for (const Dtype dtype : oracle::kSmall)
    for (const double value : oracle::finite_values(dtype))
      for (const double x : {value, value * (1 + 0x1p-20), value * (1 - 0x1p-12), value * 1.07})
        for (const double sign : {1.0, -1.0}) values.push_back(static_cast<T>(sign * x));
  std::mt19937_64 random(1);
  for (int exponent = -149; exponent < 128; ++exponent)
    for (int k = 0; k < 40; ++k)
      values.push_back(static_cast<T>(std::ldexp(1 + static_cast<double>(random() >> 12) * 0x1p-52, exponent)));
  for (const T x : {std::numeric_limits<T>::infinity(), std::numeric_limits<T>::denorm_min(),
                    std::numeric_limits<T>::max(), static_cast<T>(448), static_cast<T>(464), static_cast<T>(57344)})
    for (const T sign : {T{1}, T{-1}}) values.push_back(sign * x);
  return values;
}

// Of one value, as often as this, from the first element of a tensor.
constexpr size_t kDraws = 100000;

std::vector<double> drawn(float value, Dtype dtype, uint64_t seed) {
  const Operand operand{.data = &value, .dtype = Dtype::F32, .inner = 1, .stride = 0};
  std::vector<unsigned char> out(kDraws * element_size(dtype));
  StoreCounts counts;
  run_program(**available_kernels().begin(), kLoad, &operand, 0, kDraws, out.data(), dtype, counts, {},
              stochastic_rounding(seed, "w"));
  std::vector<double> values;
  for (size_t i = 0; i < kDraws; ++i) values.push_back(oracle::read(dtype, &out[i * element_size(dtype)]));
  return values;
}

}  // namespace

TEST_CASE("stochastic rounding: every ISA, dtype and compute dtype does as the definition says") {
  check_draws(awkward_values<float>());
  check_draws(awkward_values<double>());
}

TEST_CASE("stochastic rounding: NaN is the positive quiet one, and zeros keep their signs") {
  const float values[] = {NAN, -NAN, 0.0F, -0.0F};
  const Operand operand{.data = values, .dtype = Dtype::F32};
  for (const BlockKernels* kernels : available_kernels()) {
    uint16_t out[4];
    StoreCounts counts;
    run_program(*kernels, kLoad, &operand, 0, 4, out, Dtype::BF16, counts, {}, stochastic_rounding(3, "w"));
    CHECK((out[0] == 0x7fc0 && out[1] == 0x7fc0 && out[2] == 0 && out[3] == 0x8000));
    CHECK(counts.non_finite == 2);
    CHECK(counts.vanished == 0);
  }
}

TEST_CASE("stochastic rounding: the mean of many is the value, and each of them one of its neighbours") {
  for (const Dtype dtype : oracle::kSmall)
    for (const float value : {0.3F, -1.7F, 3.3e-3F, 1e-6F, 100.3F}) {
      const std::vector<double>& all = oracle::finite_values(dtype);
      const auto above = std::ranges::upper_bound(all, std::fabs(static_cast<double>(value)));
      const double low = above[-1], high = above[0];
      double sum = 0;
      size_t strangers = 0;
      for (const double x : drawn(value, dtype, 7)) {
        sum += x;
        strangers += std::fabs(x) != low && std::fabs(x) != high;
      }
      CHECK(strangers == 0);
      // Five standard deviations of a mean whose draws have one of at most half a step.
      const double bound = 5 * (high - low) / 2 / std::sqrt(static_cast<double>(kDraws));
      CHECK_MESSAGE(std::fabs(sum / kDraws - static_cast<double>(value)) <= bound, info(dtype).name << " " << value);
    }
}

TEST_CASE("stochastic rounding: values that the dtype has stay, whatever is drawn") {
  for (const Dtype dtype : oracle::kSmall)
    for (const double value : {0.25, -1.5, 3.0, 0.0, 64.0})
      for (const double x : drawn(static_cast<float>(value), dtype, 11)) REQUIRE(x == value);
}

TEST_CASE("stochastic rounding: what is drawn hangs on seed, name and place") {
  CHECK(drawn(0.3F, Dtype::F8_E4M3, 1) == drawn(0.3F, Dtype::F8_E4M3, 1));
  CHECK(drawn(0.3F, Dtype::F8_E4M3, 1) != drawn(0.3F, Dtype::F8_E4M3, 2));
  CHECK(stochastic_rounding(1, "a.weight").key != stochastic_rounding(1, "b.weight").key);
  // The one result that all machines must give.
  CHECK(stochastic_rounding(1, "a.weight").key == 0xb4641b000bba086d);
}

TEST_CASE("stochastic rounding: elements that do not follow each other, and runs that begin anywhere") {
  const std::vector<float> values(3000, 0.3F);
  const Operand operand{.data = values.data(), .dtype = Dtype::F32};
  const Places places{.first = 36, .inner = 4, .stride = 9};
  const Rounding rounding = stochastic_rounding(1, "w");
  for (const BlockKernels* kernels : available_kernels()) {
    std::vector<uint8_t> got(values.size()), expected(values.size());
    StoreCounts counts;
    for (size_t at = 0, n = 0; at < values.size(); at += n) {
      n = std::min<size_t>(values.size() - at, 1 + at % 700);
      run_program(*kernels, kLoad, &operand, at, n, &got[at], Dtype::F8_E5M2, counts, places, rounding);
    }
    for (size_t i = 0; i < values.size(); ++i)
      expected[i] = static_cast<uint8_t>(
          draw_naively(Dtype::F8_E5M2, values[i], word_of(rounding.key, 36 + i / 4 * 9 + i % 4), counts));
    CHECK(got == expected);
  }
}

TEST_CASE("stochastic rounding: F32 and F64 are rounded to nearest") {
  const std::vector<double> values{0.1, 1e-50, 3e300};
  const Operand operand{.data = values.data(), .dtype = Dtype::F64};
  for (const BlockKernels* kernels : available_kernels()) {
    std::vector<float> got(3), expected(3);
    StoreCounts counts;
    run_program(*kernels, kLoadWide, &operand, 0, 3, got.data(), Dtype::F32, counts, {}, stochastic_rounding(1, "w"));
    run_program(*kernels, kLoadWide, &operand, 0, 3, expected.data(), Dtype::F32, counts);
    CHECK(got == expected);
  }
}

}  // namespace ckmerge
