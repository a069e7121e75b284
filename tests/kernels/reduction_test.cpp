// SPDX-License-Identifier: Apache-2.0
// Sums of products: which lane an element goes to and in which order, on every table, from any window of any view.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "tests/kernels/naive_program.h"

namespace ckmerge {
namespace {

template <typename T>
std::vector<T> values(unsigned seed, size_t count) {
  std::mt19937 random(seed);
  std::normal_distribution<double> weights(0, 0.5);
  std::vector<T> all(count);
  for (T& value : all) value = static_cast<T>(weights(random));
  return all;
}

void dot(const BlockKernels& kernels, const float* x, const float* y, size_t n, size_t first, LaneSums& sums) {
  kernels.dot32(x, y, n, first, sums.lanes);
}
void dot(const BlockKernels& kernels, const double* x, const double* y, size_t n, size_t first, LaneSums& sums) {
  kernels.dot64(x, y, n, first, sums.lanes);
}

template <typename T>
void check_lanes() {
  const auto x = values<T>(1, kBlockElements), y = values<T>(2, kBlockElements);
  for (const BlockKernels* kernels : available_kernels())
    for (const size_t n : {0, 1, 2, 15, 16, 17, 31, 33, 100, 511, 512})
      for (const size_t first : {size_t{0}, size_t{1}, size_t{15}, size_t{16}, size_t{4096}, SIZE_MAX - 5}) {
        LaneSums got, expected;
        for (size_t lane = 0; lane < kLanes; ++lane) got.lanes[lane] = expected.lanes[lane] = 0.1 * double(lane);
        dot(*kernels, x.data(), y.data(), n, first, got);
        for (size_t i = 0; i < n; ++i) {
          volatile double product = static_cast<double>(x[i]) * static_cast<double>(y[i]);
          expected.lanes[(first + i) % kLanes] += product;
        }
        CHECK_MESSAGE(same_lanes(got, expected), kernels->isa << " n " << n << " first " << first);
      }
}

double total(const BlockKernels& kernels, const std::vector<float>& x, const std::vector<float>& y) {
  LaneSums sums;
  dot(kernels, x.data(), y.data(), x.size(), 0, sums);
  return sums.total();
}

}  // namespace

TEST_CASE("element i goes to lane i mod 16, wherever a block starts in the reduction") {
  check_lanes<float>();
  check_lanes<double>();
}

TEST_CASE("lanes are added from 0 to 15, and elements of a lane in order") {
  // 2^53 + 1 rounds back to 2^53: what is added to it one by one is lost, what was added up before is not.
  LaneSums sums;
  for (double& lane : sums.lanes) lane = 1;
  sums.lanes[0] = 0x1p53;
  CHECK(sums.total() == 0x1p53);
  sums.lanes[0] = 1, sums.lanes[15] = 0x1p53;
  CHECK(sums.total() == 0x1p53 + 16);  // 15 + 2^53: the tie between 14 and 16 goes to the even mantissa
  std::vector<float> late(48, 0), early(48, 0);
  late[0] = late[16] = 1, late[32] = 0x1p53f;
  early[0] = 0x1p53f, early[16] = early[32] = 1;
  for (const BlockKernels* kernels : available_kernels()) {
    CHECK(total(*kernels, late, std::vector<float>(48, 1)) == 0x1p53 + 2);
    CHECK(total(*kernels, early, std::vector<float>(48, 1)) == 0x1p53);
  }
}

TEST_CASE("products of f32 are those of f64: nothing overflows or vanishes, and a fused multiply-add would be seen") {
  // (1 + 2^-30)^2 = 1 + 2^-29 + 2^-60 rounds to 1 + 2^-29; minus that, 0 remains, where an fma keeps 2^-60.
  const std::vector<double> x(kLanes, 1 + 0x1p-30);
  for (const BlockKernels* kernels : available_kernels()) {
    CHECK(total(*kernels, {3e38f}, {3e38f}) == double{3e38f} * double{3e38f});
    CHECK(total(*kernels, {1e-40f}, {1e-40f}) == double{1e-40f} * double{1e-40f});
    LaneSums sums;
    for (double& lane : sums.lanes) lane = -(1 + 0x1p-29);
    dot(*kernels, x.data(), x.data(), kLanes, 0, sums);
    CHECK(sums.total() == 0);
  }
}

TEST_CASE("NaN and Inf of one element reach the total") {
  for (const BlockKernels* kernels : available_kernels()) {
    std::vector<float> x(100, 1), y(100, 2);
    x[50] = INFINITY;
    CHECK(total(*kernels, x, y) == INFINITY);
    y[50] = 0;
    CHECK(std::isnan(total(*kernels, x, y)));
  }
}

TEST_CASE("operands of every dtype and view, cut anywhere: parts added in order are the whole") {
  const auto data = values<double>(3, 8192);
  const auto view = [&](Dtype dtype, uint64_t inner, uint64_t gap) {
    return Operand{.data = data.data(), .dtype = dtype, .inner = inner, .stride = inner * element_size(dtype) + gap};
  };
  for (const BlockKernels* kernels : available_kernels())
    for (const Dtype compute : {Dtype::F32, Dtype::F64})
      for (const Dtype dtype : oracle::kReal)
        for (const uint64_t inner : {uint64_t{7}, uint64_t{600}, UINT64_MAX}) {
          const Operand x = view(dtype, inner, 5), y = view(Dtype::BF16, 100, 32);
          LaneSums whole, parts, expected;
          add_products(*kernels, compute, x, y, 5, 2000, 3, whole);
          for (uint64_t at = 0, count = 0; at < 2000; at += count) {
            count = std::min(at * 7 % 701 + 1, 2000 - at);
            add_products(*kernels, compute, x, y, 5 + at, count, 3 + at, parts);
          }
          add_products_naively(compute, x, y, 5, 2000, 3, expected);
          CHECK(same_lanes(whole, expected));
          CHECK(same_lanes(parts, expected));
          add_products(*kernels, compute, x, x, 0, 700, 0, whole);
          add_products_naively(compute, x, x, 0, 700, 0, expected);
          CHECK(same_lanes(whole, expected));
        }
}

}  // namespace ckmerge
