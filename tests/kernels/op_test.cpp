// SPDX-License-Identifier: Apache-2.0
// Every operation against the same sequence of scalar operations, each rounded for itself (volatile keeps a compiler
// from fusing or reordering them), with dst apart from the sources and equal to each of them.
#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <type_traits>
#include <vector>

#include "tests/kernels/naive_elementwise.h"
#include "tests/kernels/oracle.h"
#include "tests/sanitized.h"

namespace ckmerge {
namespace {

template <typename T>
bool same_bits(T x, T y) {
  return std::memcmp(&x, &y, sizeof(T)) == 0;
}

template <typename T>
T reference(Op op, T x, T y, T z, T k0, T k1) {
  volatile T first, second;
  switch (op) {
    case Op::load:
    case Op::zero: return 0;
    case Op::constant: return k0;
    case Op::scale: return k0 * x;
    case Op::add: return x + y;
    case Op::subtract: return x - y;
    case Op::mix:
      first = k0 * x;
      second = k1 * y;
      return first + second;
    case Op::add_scaled: first = k0 * y; return x + first;
    case Op::add_scaled_difference:
      first = y - z;
      second = k0 * first;
      return x + second;
    case Op::agree: return same_bits(x, y) ? x : std::numeric_limits<T>::quiet_NaN();
    case Op::agreed_or: return std::isnan(x) ? y : x;
    case Op::agree_or_mix: return same_bits(x, y) ? x : reference(Op::mix, x, y, z, k0, k1);
    case Op::agree_or_add_scaled_difference:
      return same_bits(x, y) && same_bits(x, z) ? x : reference(Op::add_scaled_difference, x, y, z, k0, k1);
    default: return naive_elementwise(op, x, y, z);
  }
}

template <typename T>
auto kernel(const BlockKernels& kernels, Op op) {
  if constexpr (sizeof(T) == 4)
    return kernels.op32[static_cast<size_t>(op)];
  else
    return kernels.op64[static_cast<size_t>(op)];
}

// Numbers of every size, so that cancellation, subnormals, overflow, Inf and NaN all occur; every third block plain
// ones. Some elements are the same in every operand, some but for their sign.
template <typename T>
std::vector<T> operand(unsigned seed, bool plain) {
  std::mt19937_64 random(seed), shared(77);
  std::vector<T> values(kBlockElements);
  const auto take = [plain](std::mt19937_64& from) {
    using Bits = std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>;
    const uint64_t bits = from();
    return plain ? static_cast<T>(std::ldexp(static_cast<double>(bits >> 11), -53)) - T(0.5)
                 : oracle::bits_as<T>(static_cast<Bits>(bits));
  };
  for (size_t i = 0; i < values.size(); ++i) {
    const T own = take(random), common = i % 11 == 0   ? T(0)
                                         : i % 13 == 0 ? std::numeric_limits<T>::infinity()
                                                       : take(shared);
    values[i] = i % 3 == 0 ? common : i % 7 == 0 ? (seed % 2 ? common : -common) : own;
  }
  return values;
}

template <typename T>
bool same(const std::vector<T>& got, const std::vector<T>& expected) {
  for (size_t i = 0; i < got.size(); ++i) {
    if (std::isnan(got[i]) && std::isnan(expected[i])) continue;  // a payload is kept by no store
    if (std::memcmp(&got[i], &expected[i], sizeof(T)) != 0) return false;
  }
  return true;
}

// dst = 0 apart, 1 in x, 2 in y, 3 in z
template <typename T>
bool right(const BlockKernels& kernels, Op op, size_t n, int dst, const std::vector<std::vector<T>>& operands) {
  std::vector<std::vector<T>> v = operands;
  const T k0 = static_cast<T>(0.7), k1 = static_cast<T>(-0.3);
  std::vector<T> expected = v[dst];
  for (size_t i = 0; i < n; ++i) expected[i] = reference<T>(op, v[1][i], v[2][i], v[3][i], k0, k1);
  kernel<T>(kernels, op)(v[dst].data(), v[1].data(), v[2].data(), v[3].data(), k0, k1, n);
  return same(v[dst], expected);
}

template <typename T>
void check_all() {
  std::vector<std::vector<T>> random, plain;
  for (const unsigned seed : {1, 2, 3, 4}) {
    random.push_back(operand<T>(seed, false));
    plain.push_back(operand<T>(seed, true));
  }
  for (const BlockKernels* kernels : available_kernels())
    for (size_t k = static_cast<size_t>(Op::zero); k < kOpCount; ++k)
      for (const auto& operands : {random, plain})
        for (int dst = 0; dst < 4; ++dst) {
          const Op op = static_cast<Op>(k);
          bool good = right<T>(*kernels, op, kBlockElements, dst, operands);
          for (size_t n = 0; n <= 70; n += test::kSanitized ? 7 : 1) good &= right<T>(*kernels, op, n, dst, operands);
          CHECK_MESSAGE(good, kernels->isa << " operation " << k << " dst " << dst);
        }
}

}  // namespace

TEST_CASE("operations in f32 round after every step, at every length, in place or not") { check_all<float>(); }
TEST_CASE("operations in f64 round after every step, at every length, in place or not") { check_all<double>(); }

TEST_CASE("a fused multiply-add would be seen") {
  // (1 + 2^-12)^2 = 1 + 2^-11 + 2^-24 rounds to 1 + 2^-11; minus that, 0 remains, where an fma keeps 2^-24.
  const float x = -(1 + 0x1p-11f), y = 1 + 0x1p-12f, k = 1 + 0x1p-12f;
  const std::vector<float> xs(kBlockElements, x), ys(kBlockElements, y);
  for (const BlockKernels* kernels : available_kernels()) {
    std::vector<float> out(kBlockElements, 9);
    kernels->op32[static_cast<size_t>(Op::add_scaled)](out.data(), xs.data(), ys.data(), nullptr, k, 0, kBlockElements);
    CHECK(out == std::vector<float>(kBlockElements, 0));
    kernels->op32[static_cast<size_t>(Op::mix)](out.data(), xs.data(), ys.data(), nullptr, 1, k, kBlockElements);
    CHECK(out == std::vector<float>(kBlockElements, 0));
  }
}

namespace {

template <typename T>
T run(const BlockKernels& kernels, Op op, T x, T y, T z = 0) {
  T out = 9;
  kernel<T>(kernels, op)(&out, &x, &y, &z, 0, 0, 1);
  return out;
}

template <typename T>
void check_special_values() {
  constexpr T kNan = std::numeric_limits<T>::quiet_NaN(), kInf = std::numeric_limits<T>::infinity();
  constexpr T kLeast = std::numeric_limits<T>::denorm_min();
  for (const BlockKernels* k : available_kernels()) {
    for (const Op op : {Op::minimum, Op::maximum})
      for (const T other : {T(1), -kInf, kInf, kNan}) {
        CHECK(std::isnan(run<T>(*k, op, kNan, other)));
        CHECK(std::isnan(run<T>(*k, op, other, kNan)));
      }
    for (const bool swapped : {false, true}) {
      const T x = swapped ? T(0) : -T(0), y = -x;
      CHECK(std::signbit(run<T>(*k, Op::minimum, x, y)));
      CHECK_FALSE(std::signbit(run<T>(*k, Op::maximum, x, y)));
    }
    CHECK(run<T>(*k, Op::maximum, -kLeast, -kInf) == -kLeast);
    CHECK(run<T>(*k, Op::minimum, kLeast, kInf) == kLeast);
    CHECK(run<T>(*k, Op::divide, 1, -T(0)) == -kInf);
    CHECK(std::isnan(run<T>(*k, Op::divide, 0, 0)));
    CHECK(std::isnan(run<T>(*k, Op::multiply, 0, kInf)));
    CHECK(std::isnan(run<T>(*k, Op::square_root, -1, 0)));
    CHECK(std::signbit(run<T>(*k, Op::square_root, -T(0), 0)));
    CHECK(run<T>(*k, Op::select, -kLeast, 1, kNan) == 1);
    for (const T x : {T(0), -T(0), kLeast, kNan}) CHECK(run<T>(*k, Op::select, x, kNan, 2) == 2);
    CHECK(run<T>(*k, Op::copy_sign, 3, -T(0)) == -3);
    CHECK(std::isnan(run<T>(*k, Op::copy_sign, 3, kNan)));
    CHECK(run<T>(*k, Op::absolute, -kInf, 0) == kInf);
  }
}

}  // namespace

TEST_CASE("NaN, Inf, zeros of both signs and subnormals, as kernels/elementwise.h says") {
  check_special_values<float>();
  check_special_values<double>();
}

}  // namespace ckmerge
