// SPDX-License-Identifier: Apache-2.0
// Which elements of a tensor stay of the largest magnitudes, by sorting all of them.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <vector>

namespace ckmerge {

/// Indices, those of larger magnitudes first, of equal ones the lower first. NaN is the largest.
template <typename T>
std::vector<size_t> by_magnitude(const std::vector<T>& values) {
  std::vector<size_t> order(values.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::stable_sort(order, [&](size_t x, size_t y) {
    if (std::isnan(values[x]) || std::isnan(values[y])) return std::isnan(values[x]) && !std::isnan(values[y]);
    return std::fabs(values[x]) > std::fabs(values[y]);
  });
  return order;
}

/// Of positions [from, to) in that order whether each element is among them.
template <typename T>
std::vector<bool> among_largest(const std::vector<T>& values, size_t from, size_t to) {
  const std::vector<size_t> order = by_magnitude(values);
  std::vector<bool> among(values.size());
  for (size_t at = from; at < std::min(to, order.size()); ++at) among[order[at]] = true;
  return among;
}

/// The two numbers that Reduce::cut finds, where k elements stay.
template <typename T>
std::pair<double, double> naive_cut(const std::vector<T>& values, uint64_t k) {
  if (k == 0) return {NAN, 0};
  if (k >= values.size()) return {0, static_cast<double>(values.size())};
  const size_t last = by_magnitude(values)[k - 1];
  return {std::fabs(static_cast<double>(values[last])), static_cast<double>(last + 1)};
}

}  // namespace ckmerge
