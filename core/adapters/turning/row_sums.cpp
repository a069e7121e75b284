// SPDX-License-Identifier: Apache-2.0
#include "core/adapters/turning/row_sums.h"

#include <algorithm>
#include <cmath>

#include "kernels/reductions.h"

namespace ckmerge {
namespace {

const BlockKernels& kernels() { return **available_kernels().begin(); }

template <typename Value, typename Dot>
double summed(std::span<const Value> x, std::span<const Value> y, Dot dot) {
  double sum = 0;
  for (size_t block = 0; block < x.size(); block += kReductionBlock) {
    const size_t end = std::min<size_t>(x.size(), block + kReductionBlock);
    LaneSums sums;
    for (size_t i = block; i < end; i += kBlockElements)
      dot(&x[i], &y[i], std::min(end - i, kBlockElements), i - block, sums.lanes);
    sum += sums.total();
  }
  return sum;
}

}  // namespace

double sum_of_products(std::span<const float> x, std::span<const float> y) { return summed(x, y, kernels().dot32); }

double sum_of_products(std::span<const double> x, std::span<const double> y) { return summed(x, y, kernels().dot64); }

void add_scaled(std::span<double> x, double factor, std::span<const double> y) {
  const auto add = kernels().op64[static_cast<size_t>(Op::add_scaled)];
  for (size_t i = 0; i < x.size(); i += kBlockElements)
    add(&x[i], &x[i], &y[i], &y[i], factor, 0, std::min(x.size() - i, kBlockElements));
}

double norm(std::span<const float> x) { return std::sqrt(sum_of_products(x, x)); }

double norm(std::span<const double> x) { return std::sqrt(sum_of_products(x, x)); }

}  // namespace ckmerge
