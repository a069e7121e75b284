// SPDX-License-Identifier: Apache-2.0
#include "core/lines/model_numbers.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>

namespace ckmerge {
namespace {

constexpr uint64_t kSign = uint64_t{1} << 63;
constexpr unsigned kDigit = 16;  // bits

// In the order of the numbers.
uint64_t key_of(double number) {
  const auto bits = std::bit_cast<uint64_t>(number == 0 ? 0.0 : number);
  return bits & kSign ? ~bits : bits | kSign;
}
double number_of(uint64_t key) { return std::bit_cast<double>(key & kSign ? key & ~kSign : ~key); }

// Walks over the numbers, which are as many as the model has lines: billions, maybe.
class ColumnWalks {
 public:
  ColumnWalks(std::span<const LineColumn> columns, const ThreadPool* pool) : columns_(columns), pool_(pool) {}

  // fn(number) for all that are none.
  template <typename Fn>
  void for_each_number(const Fn& fn) const {
    constexpr uint64_t kAtOnce = 4096;
    std::array<double, kAtOnce> some;
    for (const LineColumn& column : columns_)
      for (uint64_t at = 0; at < column.table->lines(); at += kAtOnce) {
        if (pool_) pool_->check();
        const auto numbers = std::span(some).first(std::min(kAtOnce, column.table->lines() - at));
        column.table->read(column.number, at, numbers);
        for (const double number : numbers)
          if (!std::isnan(number)) fn(number);
      }
  }

  // The one of rank `rank`, from 0, by their size.
  double ranked(uint64_t rank) const {
    uint64_t above = 0;  // bits of the key that are known
    std::vector<uint64_t> counts(size_t{1} << kDigit);
    for (unsigned shift = 64; shift > 0;) {
      shift -= kDigit;
      std::ranges::fill(counts, 0);
      for_each_number([&](double number) {
        const uint64_t key = key_of(number);
        const bool is_candidate = shift + kDigit == 64 || key >> (shift + kDigit) == above;
        if (is_candidate) ++counts[(key >> shift) & (counts.size() - 1)];
      });
      size_t digit = 0;
      for (; rank >= counts[digit]; ++digit) rank -= counts[digit];
      above = above << kDigit | digit;
    }
    return number_of(above);
  }

 private:
  const std::span<const LineColumn> columns_;
  const ThreadPool* const pool_;
};

}  // namespace

bool wants_model(const TensorCoefficients& made) {
  return made.method->model_range && made.over != Over::tensor &&
         made.round == made.method->model_range(made.given).round;
}

std::vector<bool> levels_of_model(const Plan& plan) {
  std::vector<bool> levels(plan.statistic_levels());
  for (const StatisticSet& set : plan.statistics)
    for (const TensorCoefficients& made : set.coefficients)
      if (wants_model(made)) levels[made.level] = true;
  return levels;
}

// As numpy's percentiles of the method "midpoint" cut one after the other: what is as large as the mean of the two
// neighbours of a place, then of what remains what is as small.
ModelStatistics range_of(std::span<const LineColumn> columns, const ModelRange& wanted, const ThreadPool* pool) {
  const ColumnWalks walks(columns, pool);
  uint64_t count = 0, kept = 0;
  walks.for_each_number([&](double) { ++count; });
  if (count == 0) return {.least = NAN, .most = NAN};
  const double least = walks.ranked(static_cast<uint64_t>(std::ceil(wanted.low * static_cast<double>(count - 1))));
  walks.for_each_number([&](double number) { kept += number >= least; });
  const auto last = static_cast<uint64_t>(wanted.high * static_cast<double>(kept - 1));
  return {.least = least, .most = walks.ranked(count - kept + last)};
}

}  // namespace ckmerge
