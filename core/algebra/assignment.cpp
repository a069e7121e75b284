// SPDX-License-Identifier: Apache-2.0
#include "core/algebra/assignment.h"

#include <algorithm>
#include <limits>

#include "core/threads/stop_pace.h"

namespace ckmerge {
namespace {

constexpr uint32_t kFree = std::numeric_limits<uint32_t>::max();

// Costs are gains with the other sign. What a row and a column pay together is at most their cost, and all of it where
// they are paired; so no other pairing costs less.
class Pairing {
 public:
  Pairing(const Gains& gains, const Hands& hands)
      : gains_(gains),
        pace_(hands, true),
        row_price_(gains.count),
        column_price_(gains.count),
        distance_(gains.count),
        before_(gains.count),
        column_of_(gains.count, kFree),
        row_of_(gains.count, kFree),
        is_settled_(gains.count) {}

  std::vector<uint32_t> run() {
    set_prices();
    take_free_columns();
    for (uint32_t row = 0; row < gains_.count; ++row)
      if (column_of_[row] == kFree) augment(row);
    return std::move(column_of_);
  }

 private:
  double cost(uint64_t row, uint64_t column) const { return -double{gains_.first[row * gains_.stride + column]}; }
  double left_over(uint64_t row, uint64_t column) const {
    return (cost(row, column) - column_price_[column]) - row_price_[row];
  }

  void set_prices() {
    const uint64_t n = gains_.count;
    std::ranges::fill(column_price_, std::numeric_limits<double>::infinity());
    for (uint64_t i = 0; i < n; ++i) {
      pace_.begin(n);
      for (uint64_t j = 0; j < n; ++j) column_price_[j] = std::min(column_price_[j], cost(i, j));
    }
    for (uint64_t i = 0; i < n; ++i) {
      pace_.begin(n);
      row_price_[i] = cost(i, 0) - column_price_[0];
      for (uint64_t j = 1; j < n; ++j) row_price_[i] = std::min(row_price_[i], cost(i, j) - column_price_[j]);
    }
  }

  void pair(uint32_t row, uint32_t column) {
    column_of_[row] = column;
    row_of_[column] = row;
  }

  // Columns that cost a row nothing more, its own before others.
  void take_free_columns() {
    const auto n = static_cast<uint32_t>(gains_.count);
    for (uint32_t i = 0; i < n; ++i)
      if (left_over(i, i) == 0) pair(i, i);
    for (uint32_t i = 0; i < n; ++i) {
      pace_.begin(n);
      for (uint32_t j = 0; j < n && column_of_[i] == kFree; ++j)
        if (row_of_[j] == kFree && left_over(i, j) == 0) pair(i, j);
    }
  }

  // The nearest column that is not settled, the first of equal ones.
  uint32_t nearest() const {
    uint32_t found = kFree;
    for (uint32_t j = 0; j < gains_.count; ++j)
      if (!is_settled_[j] && (found == kFree || distance_[j] < distance_[found])) found = j;
    return found;
  }

  // The same, of ways that may be shorter over `row`, to which it is so far.
  uint32_t nearest_over(uint32_t row, double so_far) {
    pace_.begin(gains_.count);
    uint32_t found = kFree;
    for (uint32_t j = 0; j < gains_.count; ++j) {
      if (is_settled_[j]) continue;
      const double way = so_far + left_over(row, j);
      if (way < distance_[j]) {
        distance_[j] = way;
        before_[j] = row;
      }
      if (found == kFree || distance_[j] < distance_[found]) found = j;
    }
    return found;
  }

  // Dijkstra's way from a row to a free column, over pairs.
  void augment(uint32_t first) {
    const uint64_t n = gains_.count;
    pace_.begin(n);
    std::ranges::fill(is_settled_, uint8_t{0});
    for (uint64_t j = 0; j < n; ++j) distance_[j] = left_over(first, j);
    std::ranges::fill(before_, first);
    uint32_t end = nearest();
    while (row_of_[end] != kFree) {
      is_settled_[end] = 1;
      end = nearest_over(row_of_[end], distance_[end]);
    }
    change_prices(first, distance_[end]);
    for (uint32_t column = end; column != kFree;) {
      const uint32_t row = before_[column], next = column_of_[row];
      pair(row, column);
      column = next;
    }
  }

  void change_prices(uint32_t first, double whole_way) {
    row_price_[first] += whole_way;
    for (uint64_t j = 0; j < gains_.count; ++j) {
      if (!is_settled_[j]) continue;
      const double rest = whole_way - distance_[j];
      column_price_[j] -= rest;
      row_price_[row_of_[j]] += rest;
    }
  }

  const Gains gains_;
  StopPace pace_;
  std::vector<double> row_price_, column_price_, distance_;
  std::vector<uint32_t> before_, column_of_, row_of_;  // kFree: with none
  std::vector<uint8_t> is_settled_;
};

}  // namespace

std::vector<uint32_t> best_assignment(const Gains& gains, const Hands& hands) {
  if (gains.count == 0) return {};
  return Pairing(gains, hands).run();
}

double gain_of(const Gains& gains, const std::vector<uint32_t>& columns) {
  double sum = 0;
  for (uint64_t i = 0; i < gains.count; ++i) sum += double{gains.first[i * gains.stride + columns[i]]};
  return sum;
}

uint64_t best_assignment_memory(uint64_t count) {
  return count * (3 * sizeof(double) + 3 * sizeof(uint32_t) + sizeof(uint8_t));
}

}  // namespace ckmerge
