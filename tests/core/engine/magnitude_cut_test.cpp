// SPDX-License-Identifier: Apache-2.0
// The k-th largest magnitude, found from counts of digits, against sorting.
#include "core/engine/magnitude_cut.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <random>

#include "kernels/magnitudes.h"
#include "tests/kernels/naive_cut.h"
#include "tests/sanitized.h"

using namespace ckmerge;

namespace {

struct Found {
  double least, end;
  size_t walks;
};

// Walks over `values`, which lie in blocks of kReductionBlock.
template <typename T>
Found found(const std::vector<T>& values, uint64_t kept, Dtype compute) {
  MagnitudeCut cut(compute, values.size(), values.size());
  cut.keep(kept);
  size_t walks = 0;
  for (; cut.next() != MagnitudeCut::Next::nothing; ++walks) {
    if (cut.next() == MagnitudeCut::Next::digit) {
      const Digit digit = cut.digit();
      DigitCounts counts;
      std::vector<uint32_t> some(kDigitBuckets);
      for (const T value : values)
        if (magnitude_key(value) >> digit.shift >> digit.bits == digit.above)
          ++some[magnitude_key(value) >> digit.shift & ((1u << digit.bits) - 1)];
      counts.add(some);
      cut.take_digit(counts);
      continue;
    }
    if (cut.next() == MagnitudeCut::Next::equals) {
      for (size_t begin = 0, block = 0; begin < values.size(); begin += kReductionBlock, ++block) {
        const size_t end = std::min(values.size(), begin + kReductionBlock);
        uint64_t equal = 0;
        for (size_t i = begin; i < end; ++i) equal += magnitude_key(values[i]) == cut.key();
        cut.take_equals(block, equal);
      }
      cut.finish_equals();
      continue;
    }
    uint64_t left = cut.nth(), at = cut.block() * kReductionBlock;
    for (;; ++at)
      if (magnitude_key(values[at]) == cut.key() && --left == 0) break;
    cut.take_place(at);
  }
  return {cut.least(), cut.end(), walks};
}

template <typename T>
void check(const std::vector<T>& values, Dtype compute, std::vector<uint64_t> kept) {
  kept.insert(kept.end(), {0, 1, values.size() / 3, values.size() - 1, values.size(), values.size() + 1});
  for (const uint64_t k : kept) {
    const Found got = found(values, k, compute);
    const std::vector<bool> right = among_largest(values, 0, k);
    size_t wrong = 0;
    for (size_t i = 0; i < values.size(); ++i) {
      const uint64_t key = magnitude_key(values[i]), least = magnitude_key(static_cast<T>(got.least));
      wrong += (key > least || (key == least && static_cast<double>(i) < got.end)) != right[i];
    }
    CHECK(wrong == 0);
    if (k > 0 && k < values.size()) {
      const double expected = naive_cut(values, k).first;
      CHECK((got.least == expected || (std::isnan(got.least) && std::isnan(expected))));
    } else {
      CHECK(got.walks == 0);
    }
    CHECK(got.walks <= (compute == Dtype::F64 ? 6 : 4));
  }
}

template <typename T>
void check_all(Dtype compute) {
  std::mt19937 random(5);
  std::normal_distribution<double> weights(0, 0.02);
  for (const size_t count : {1u, 2u, 9u, 1000u, 65536u, 65537u, 200000u}) {
    if (test::kSanitized && count > 65537) continue;
    std::vector<T> few(count), many(count), odd(count);
    for (size_t i = 0; i < count; ++i) {
      few[i] = static_cast<T>(random() % 5) - 2;
      many[i] = static_cast<T>(weights(random));
      odd[i] = i % 5 == 0   ? std::numeric_limits<T>::quiet_NaN()
               : i % 7 == 0 ? -std::numeric_limits<T>::infinity()
                            : many[i];
    }
    for (const auto& values : {few, many, odd, std::vector<T>(count, T(-0.5)), std::vector<T>(count)})
      check(values, compute, {count / 2, count / 5});
  }
}

}  // namespace

TEST_CASE("cuts: the magnitude and the index by which exactly k elements stay, in f32 and f64") {
  check_all<float>(Dtype::F32);
  check_all<double>(Dtype::F64);
}

TEST_CASE("cuts: walks that are not needed are not asked for") {
  std::vector<float> values(200000);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
  CHECK(found(values, 1000, Dtype::F32).walks == 2);                           // all are different
  CHECK(found(std::vector<float>(200000, 1), 1000, Dtype::F32).walks == 4);    // all are equal
  CHECK(found(std::vector<float>(60000, 1), 1000, Dtype::F32).walks == 3);     // in one block
  CHECK(found(std::vector<float>(200000, 1), 200000, Dtype::F32).walks == 0);  // all stay
}

TEST_CASE("cuts: counts beyond 32 bits") {
  DigitCounts counts;
  std::vector<uint32_t> some(kDigitBuckets);
  some[7] = UINT32_MAX, some[9] = 5;
  for (int i = 0; i < 3; ++i) counts.add(some);
  CHECK(counts[7] == 3 * uint64_t{UINT32_MAX});
  CHECK(counts[9] == 15);
  CHECK(counts[8] == 0);
}
