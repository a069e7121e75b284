// SPDX-License-Identifier: Apache-2.0
// The product of two factors, of which any rows can be made without the others: all of the right one is kept in the
// order in which the kernel reads it, a few columns at a time.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/adapters/adapter_kind.h"
#include "core/adapters/factors.h"

namespace ckmerge {

class FactorProduct {
 public:
  /// REQUIRES: left.columns == right.rows.
  FactorProduct(FactorMatrix left, const FactorMatrix& right);

  /// out[i][j] += factor * p, p the sum over k, from zero and in order, of left[first + i][k] * right[k][j]; every
  /// operation is rounded to f32 by itself. `out` has `count` rows of columns() elements.
  void add(uint64_t first, uint64_t count, float factor, std::span<float> out) const;

  uint64_t rows() const { return left_.rows; }
  uint64_t columns() const { return columns_; }
  uint64_t memory() const { return (left_.elements.size() + panels_.size()) * sizeof(float); }
  /// What one of these extents holds, and needs while it is made.
  static uint64_t memory(uint64_t rows, uint64_t depth, uint64_t columns);

 private:
  FactorMatrix left_;
  uint64_t columns_;
  std::vector<float> panels_;
};

/// What adds one product to the weight, times a factor.
class AddedProduct : public ModuleChange {
 public:
  AddedProduct(FactorMatrix left, const FactorMatrix& right, double factor)
      : product_(std::move(left), right), factor_(static_cast<float>(factor)) {}
  void apply(uint64_t first, uint64_t count, std::span<float> weight) const override {
    product_.add(first, count, factor_, weight);
  }
  uint64_t memory() const override { return sizeof(*this) + product_.memory(); }

 private:
  FactorProduct product_;
  float factor_;
};

/// The product of two small factors, in f32: sums from zero and in order.
FactorMatrix product(const FactorMatrix& left, const FactorMatrix& right);

}  // namespace ckmerge
