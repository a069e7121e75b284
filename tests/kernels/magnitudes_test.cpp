// SPDX-License-Identifier: Apache-2.0
// Magnitudes: what is counted and found of them on every table, and which elements stay, against sorting and plain
// loops, over values that are hard to tell apart.
#include "kernels/magnitudes.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "kernels/reductions.h"
#include "tests/kernels/naive_cut.h"
#include "tests/kernels/naive_program.h"
#include "tests/sanitized.h"

namespace ckmerge {
namespace {

template <typename T>
struct Compute;
template <>
struct Compute<float> {
  using Bits = uint32_t;
  static constexpr Dtype kDtype = Dtype::F32;
};
template <>
struct Compute<double> {
  using Bits = uint64_t;
  static constexpr Dtype kDtype = Dtype::F64;
};

template <typename T>
Program loaded() {
  return {.compute = Compute<T>::kDtype, .result = 0, .code = {{.op = Op::load}}};
}
template <typename T>
Operand operand_of(const std::vector<T>& values) {
  return {.data = values.data(), .dtype = Compute<T>::kDtype};
}

// All equal, zeros of both signs, runs, few values, NaN of all kinds, infinities, subnormals, weights.
template <typename T>
std::vector<std::vector<T>> awkward(size_t count) {
  using Bits = typename Compute<T>::Bits;
  constexpr Bits kInf = std::bit_cast<Bits>(std::numeric_limits<T>::infinity());
  std::mt19937_64 random(count);
  std::normal_distribution<double> weights(0, 0.02);
  std::vector<std::vector<T>> all(8, std::vector<T>(count));
  for (size_t i = 0; i < count; ++i) {
    const T sign = random() % 2 == 0 ? 1 : -1;
    all[0][i] = T(0.25);
    all[1][i] = sign * T(0);
    all[2][i] = sign * T(i / 37 % 5);
    all[3][i] = sign * T(random() % 9) * T(0.125);
    all[4][i] =
        i % 3 == 0 ? std::bit_cast<T>(Bits(kInf + 1 + random() % 3 + (random() % 2 << 20))) : T(weights(random));
    all[5][i] = i % 4 == 0 ? sign * std::numeric_limits<T>::infinity() : T(weights(random));
    all[6][i] = sign * std::bit_cast<T>(Bits(random() % 70000));
    all[7][i] = T(weights(random));
  }
  return all;
}

constexpr size_t kCounts[] = {0, 1, 2, 3, 5, 17, 31, 32, 33, 511, 512, 513, 1300};

template <typename T>
uint64_t naive_key(T value) {
  if (std::isnan(value)) return naive_key(std::numeric_limits<T>::infinity()) + 1;
  return std::bit_cast<typename Compute<T>::Bits>(std::fabs(value));
}

template <typename T>
void check_counts() {
  for (const size_t count : kCounts)
    for (const std::vector<T>& values : awkward<T>(count)) {
      const Program program = loaded<T>();
      const Operand operand = operand_of(values);
      const size_t first = std::min<size_t>(count, 2);
      std::vector<uint64_t> keys;
      for (size_t i = first; i < count; ++i) keys.push_back(naive_key(values[i]));
      for (const BlockKernels* kernels : available_kernels()) {
        const ReducedValues reduced{program, &operand, first, count - first};
        CHECK(largest_key(*kernels, reduced) == (keys.empty() ? 0 : *std::ranges::max_element(keys)));
        const uint64_t nonzero = keys.size() - static_cast<size_t>(std::ranges::count(keys, 0u));
        CHECK(count_within(*kernels, reduced, 1, UINT64_MAX >> 1) == nonzero);
        for (size_t k = 0; k < keys.size(); k += 1 + keys.size() / 7) {
          const auto equal = static_cast<uint64_t>(std::ranges::count(keys, keys[k]));
          CHECK(count_within(*kernels, reduced, keys[k], keys[k]) == equal);
          for (uint64_t nth = 1; nth <= equal + 1; nth += 1 + equal / 3) {
            uint64_t left = nth, at = 0, seen = 0;
            for (; at < keys.size() && seen < nth; ++at) seen += keys[at] == keys[k];
            const uint64_t found = find_key(*kernels, reduced, keys[k], left);
            CHECK(left == nth - seen);
            if (left == 0) CHECK(found == at - 1);
          }
        }
      }
    }
}

// Digit by digit, of one key that occurs and of one that need not.
template <typename T>
void check_digits() {
  for (const size_t count : kCounts) {
    if (test::kSanitized && ((count > 1 && count < 17) || (count > 33 && count < 1300))) continue;
    for (const std::vector<T>& values : awkward<T>(count)) {
      const Program program = loaded<T>();
      const Operand operand = operand_of(values);
      for (const uint64_t key : {count ? naive_key(values[count / 2]) : 0, naive_key(T(0.0123))})
        for (unsigned left = key_bits(program.compute); left > 0;) {
          const unsigned bits = std::min(left, kDigitBits), shift = left - bits;
          const uint64_t above = key >> left;
          std::vector<uint64_t> expected(kDigitBuckets);
          for (const T value : values)
            if (naive_key(value) >> left == above) ++expected[naive_key(value) >> shift & ((1u << bits) - 1)];
          for (const BlockKernels* kernels : available_kernels()) {
            std::vector<uint32_t> tables(kDigitTables * kDigitBuckets);
            const size_t apart = count % 2 == 0 ? kDigitBuckets : 0;
            count_digits(*kernels, {program, &operand, 0, count}, {shift, bits, above}, tables.data(), apart);
            std::vector<uint64_t> got(kDigitBuckets);
            for (size_t i = 0; i < tables.size(); ++i) got[i % kDigitBuckets] += tables[i];
            CHECK(got == expected);
          }
          left = shift;
        }
    }
  }
}

template <typename T>
std::vector<bool> staying(const BlockKernels& kernels, const std::vector<T>& values, double least, double end,
                          uint64_t first, const Places& places) {
  const Program program{.compute = Compute<T>::kDtype,
                        .result = 0,
                        .code = {{.op = Op::load}, {.op = Op::stays, .k0 = least, .k1 = end}}};
  const Operand operand = operand_of(values);
  std::vector<T> out(values.size() - first);
  StoreCounts counts;
  run_program(kernels, program, &operand, first, out.size(), out.data(), Compute<T>::kDtype, counts, places);
  std::vector<bool> stays;
  for (const T value : out) {
    REQUIRE(std::fabs(value) == 1);
    stays.push_back(value < 0);
  }
  return stays;
}

template <typename T>
void check_stays() {
  for (const size_t count : {1u, 5u, 513u, 1300u})
    for (const std::vector<T>& values : awkward<T>(count))
      for (size_t k = 0; k <= count; k += 1 + count / 11) {
        const auto [least, end] = naive_cut(values, k);
        const std::vector<bool> expected = among_largest(values, 0, k);
        for (const BlockKernels* kernels : available_kernels()) {
          CHECK(staying(*kernels, values, least, end, 0, {}) == expected);
          const std::vector<bool> rest(expected.begin() + 1, expected.end());
          CHECK(staying(*kernels, values, least, end, 1, {}) == rest);
          // as if the values were the last of a larger tensor, and in rows of 7 of 11
          CHECK(staying(*kernels, values, least, end + 1e10, 0, {.first = 10000000000}) == expected);
          const auto placed = static_cast<uint64_t>(end);
          const double in_rows = placed == 0 ? 0 : static_cast<double>((placed - 1) / 7 * 11 + (placed - 1) % 7 + 1);
          CHECK(staying(*kernels, values, least, in_rows, 0, {.inner = 7, .stride = 11}) == expected);
        }
      }
}

}  // namespace

TEST_CASE("magnitudes: keys are in the order of magnitudes, NaN above all") {
  const float ascending[] = {0, 0x1p-149f, 0x1p-126f, 1, 3e38f, INFINITY, NAN};
  for (size_t i = 1; i < std::size(ascending); ++i)
    CHECK(magnitude_key(ascending[i - 1]) < magnitude_key(-ascending[i]));
  for (const float value : ascending) {
    CHECK(magnitude_key(value) == naive_key(value));
    CHECK(magnitude_key(static_cast<double>(value)) == naive_key(static_cast<double>(value)));
    const double back = magnitude_of(magnitude_key(value), Dtype::F32);
    CHECK((back == value || (std::isnan(back) && std::isnan(value))));
  }
}

TEST_CASE("magnitudes: counted, and the n-th of a magnitude found, on every ISA") {
  check_counts<float>();
  check_counts<double>();
}

TEST_CASE("magnitudes: digits of their keys, counted on every ISA") {
  check_digits<float>();
  check_digits<double>();
}

TEST_CASE("magnitudes: the k largest stay, of equal ones those of the lowest indices, on every ISA") {
  check_stays<float>();
  check_stays<double>();
}

}  // namespace ckmerge
