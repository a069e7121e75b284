// SPDX-License-Identifier: Apache-2.0
// Pairs of the largest sum, against all pairings of few rows, and against a hidden one of many.
#include "core/algebra/assignment.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>
#include <random>
#include <vector>

using namespace ckmerge;

namespace {

std::vector<uint32_t> in_order(uint64_t count) {
  std::vector<uint32_t> order(count);
  std::iota(order.begin(), order.end(), 0U);
  return order;
}

bool is_pairing(std::vector<uint32_t> columns) {
  std::sort(columns.begin(), columns.end());
  return columns == in_order(columns.size());
}

double best_of_all(const Gains& gains) {
  std::vector<uint32_t> order = in_order(gains.count);
  double best = gain_of(gains, order);
  while (std::next_permutation(order.begin(), order.end())) best = std::max(best, gain_of(gains, order));
  return best;
}

}  // namespace

TEST_CASE("pairs have the largest sum of all pairings, with many equal ones and with none") {
  std::mt19937 draw(7);
  for (const uint64_t count : {1, 2, 3, 4, 5, 6, 7})
    for (const int values : {1, 2, 3, 10, 100000})
      for (int trial = 0; trial < 20; ++trial) {
        const uint64_t stride = count + static_cast<uint64_t>(trial % 3);
        std::vector<float> all(count * stride);
        for (float& gain : all)
          gain = static_cast<float>(static_cast<int>(draw() % static_cast<unsigned>(values)) - values / 2);
        const Gains gains{.first = all.data(), .count = count, .stride = stride};
        const std::vector<uint32_t> columns = best_assignment(gains);
        CHECK(is_pairing(columns));
        CHECK(gain_of(gains, columns) == best_of_all(gains));
      }
}

TEST_CASE("a hidden pairing is found, and rows that are all alike keep their places") {
  std::mt19937 draw(8);
  constexpr uint64_t kCount = 150;
  std::vector<uint32_t> hidden = in_order(kCount);
  std::shuffle(hidden.begin(), hidden.end(), draw);
  std::vector<float> all(kCount * kCount);
  for (float& gain : all) gain = static_cast<float>(draw() % 1000);
  for (uint64_t i = 0; i < kCount; ++i) all[i * kCount + hidden[i]] = 1000;
  CHECK(best_assignment({all.data(), kCount, kCount}) == hidden);
  std::ranges::fill(all, 3.0F);
  CHECK(best_assignment({all.data(), kCount, kCount}) == in_order(kCount));
  CHECK(best_assignment({all.data(), 0, 0}).empty());
}

TEST_CASE("no exchange of two or three rows of many makes the sum larger") {
  std::mt19937 draw(9);
  constexpr uint64_t kCount = 60;
  std::vector<float> all(kCount * kCount);
  for (float& gain : all) gain = static_cast<float>(draw() % 5000) / 64.0F;
  const auto at = [&](uint64_t row, uint64_t column) { return double{all[row * kCount + column]}; };
  const std::vector<uint32_t> p = best_assignment({all.data(), kCount, kCount});
  CHECK(is_pairing(p));
  double most = -1;
  for (uint64_t i = 0; i < kCount; ++i)
    for (uint64_t j = 0; j < kCount; ++j)
      for (uint64_t k = 0; k < kCount; ++k) {
        if (i == j) continue;
        const double now = at(i, p[i]) + at(j, p[j]);
        most = std::max(most, at(i, p[j]) + at(j, p[i]) - now);
        if (k != i && k != j) most = std::max(most, at(i, p[j]) + at(j, p[k]) + at(k, p[i]) - now - at(k, p[k]));
      }
  CHECK(most <= 1e-9);
}
