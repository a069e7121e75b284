// SPDX-License-Identifier: Apache-2.0
// Masks of lines against ranks of all elements.
#include "core/orders/line_mask.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>
#include <random>
#include <string>
#include <utility>
#include <vector>

using namespace ckmerge;

namespace {

template <typename T>
T rising(const std::array<double, 2>& shares, uint64_t rank, uint64_t count) {
  return static_cast<T>(shares[0] + shares[1] * static_cast<double>(rank) / static_cast<double>(count));
}

constexpr MadeOperand::Mask kMask{
    .method = "any", .shares = {0.2, 0.6}, .share32 = rising<float>, .share64 = rising<double>};

template <typename T>
std::vector<uint8_t> by_ranks(const std::vector<T>& magnitudes, const std::vector<T>& drawn) {
  std::vector<size_t> order(magnitudes.size());
  std::iota(order.begin(), order.end(), size_t{0});
  const auto smaller = [](T x, T y) { return std::isnan(y) ? !std::isnan(x) : std::fabs(x) < std::fabs(y); };
  std::ranges::stable_sort(order, [&](size_t x, size_t y) { return smaller(magnitudes[x], magnitudes[y]); });
  std::vector<uint8_t> kept(order.size());
  for (size_t rank = 0; rank < order.size(); ++rank)
    kept[order[rank]] = drawn[order[rank]] < rising<T>(kMask.shares, rank, order.size());
  return kept;
}

using Value = std::function<double(double normal, size_t i)>;

const std::vector<std::pair<std::string, Value>>& kinds() {
  static const std::vector<std::pair<std::string, Value>> all = {
      {"normal", [](double normal, size_t) { return normal; }},
      {"half of them 0", [](double normal, size_t i) { return i % 7 < 4 ? 0.0 : normal; }},
      {"few levels", [](double normal, size_t) { return std::round(4 * normal) / 4; }},
      {"all equal", [](double, size_t) { return 3.0; }},
      {"all 0", [](double, size_t) { return 0.0; }},
      {"one far above all others", [](double normal, size_t i) { return i == 3 ? 1e30 : normal; }},
      {"of all sizes", [](double normal, size_t) { return std::exp(20 * normal); }},
      {"subnormal", [](double normal, size_t) { return 1e-41 * normal; }},
      {"infinite and NaN", [](double normal, size_t i) {
         constexpr double kInfinity = std::numeric_limits<double>::infinity();
         return i % 5 == 0 ? kInfinity : i % 11 == 0 ? std::numeric_limits<double>::quiet_NaN() : normal;
       }}};
  return all;
}

template <typename T>
void check(uint64_t length) {
  std::mt19937_64 random(length);
  std::normal_distribution<double> normal;
  const Hands hands;
  LineMask<T> mask(kMask, length, hands);
  for (const auto& kind : kinds()) {
    std::vector<T> magnitudes(length), drawn(length);
    std::vector<typename LineMask<T>::Key> keys(length);
    for (size_t i = 0; i < length; ++i) {
      magnitudes[i] = static_cast<T>(kind.second(normal(random), i));
      drawn[i] = static_cast<T>(random() >> 40) * static_cast<T>(0x1p-24);
      keys[i] = magnitude_key(magnitudes[i]);
    }
    std::vector<uint8_t> kept(length, 7);
    mask.decide(keys, drawn, kept);
    CHECK_MESSAGE(kept == by_ranks(magnitudes, drawn), kind.first, ", ", length);
  }
}

}  // namespace

TEST_CASE("line mask: kept is what is drawn below the share of its rank") {
  for (const uint64_t length : {1, 2, 9, 47, 48, 63, 64, 65, 300, 4096, 70'001}) {
    check<float>(length);
    check<double>(length);
  }
}
