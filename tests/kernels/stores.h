// SPDX-License-Identifier: Apache-2.0
// Runs lists of values through the stores of every table and compares bytes and counts with the oracle.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <span>
#include <vector>

#include "tests/kernels/oracle.h"

namespace ckmerge {

inline void store(const BlockKernels& kernels, Dtype dtype, const float* src, void* dst, size_t n,
                  StoreCounts* counts) {
  kernels.store32[static_cast<size_t>(dtype)](src, dst, n, counts);
}
inline void store(const BlockKernels& kernels, Dtype dtype, const double* src, void* dst, size_t n,
                  StoreCounts* counts) {
  kernels.store64[static_cast<size_t>(dtype)](src, dst, n, counts);
}

template <typename T>
void check_store(const BlockKernels& kernels, Dtype dtype, std::span<const T> values) {
  const size_t size = element_size(dtype);
  std::vector<unsigned char> got(values.size() * size + 1), expected(values.size() * size + 1);
  StoreCounts got_counts, expected_counts;
  for (size_t i = 0; i < values.size(); ++i) oracle::write(dtype, values[i], &expected[i * size], expected_counts);
  for (size_t i = 0; i < values.size(); i += kBlockElements)
    store(kernels, dtype, &values[i], &got[i * size], std::min(kBlockElements, values.size() - i), &got_counts);
  const size_t at = std::mismatch(got.begin(), got.end(), expected.begin()).first - got.begin();
  CHECK_MESSAGE(got == expected, kernels.isa << " stores " << values[std::min(at / size, values.size() - 1)] << " as "
                                             << info(dtype).name << " byte " << int(got[at]) << ", not "
                                             << int(expected[at]));
  CHECK(got_counts == expected_counts);
}

/// The values as they are, and again without those that make a store take its slow loop.
template <typename T>
void check_stores(Dtype dtype, const std::vector<T>& values) {
  const double largest = dtype == Dtype::F32 || dtype == Dtype::F64 ? 3e38 : oracle::finite_values(dtype).back();
  std::vector<T> ordinary;
  for (const T value : values)
    if (value >= -largest && value <= largest) ordinary.push_back(value);
  REQUIRE(!ordinary.empty());
  for (const BlockKernels* kernels : available_kernels()) {
    check_store<T>(*kernels, dtype, values);
    check_store<T>(*kernels, dtype, ordinary);
  }
}

}  // namespace ckmerge
