// SPDX-License-Identifier: Apache-2.0
// The product of two factors, of which any rows can be made without the others: all of the right one is kept in the
// order in which the kernel reads it, a few columns at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "core/adapters/adapter_kind.h"
#include "core/adapters/factors.h"

namespace ckmerge {

/// A right factor as the kernel reads it.
class FactorPanels {
 public:
  explicit FactorPanels(const FactorMatrix& right);

  /// out[i][j] += factor * p, p the sum over k, from zero and in order, of left[i][k] * right[k][j]; every operation is
  /// rounded to f32 by itself. `left` has `count` rows of depth() elements, `out` as many of columns().
  void add(const float* left, uint64_t count, float factor, float* out) const;

  uint64_t depth() const { return depth_; }
  uint64_t columns() const { return columns_; }
  uint64_t memory() const { return panels_.size() * sizeof(float); }
  /// What one of these extents holds.
  static uint64_t memory(uint64_t depth, uint64_t columns);

 private:
  uint64_t depth_, columns_;
  std::vector<float> panels_;
};

class FactorProduct {
 public:
  /// REQUIRES: left.columns == right.rows.
  FactorProduct(FactorMatrix left, const FactorMatrix& right) : left_(std::move(left)), right_(right) {}

  /// As FactorPanels::add, of the left factor's rows from `first` on.
  void add(uint64_t first, uint64_t count, float factor, std::span<float> out) const {
    right_.add(left_.row(first), count, factor, out.data());
  }

  uint64_t rows() const { return left_.rows; }
  uint64_t columns() const { return right_.columns(); }
  uint64_t memory() const { return left_.elements.size() * sizeof(float) + right_.memory(); }
  /// What one of these extents holds, and needs while it is made.
  static uint64_t memory(uint64_t rows, uint64_t depth, uint64_t columns);

 private:
  FactorMatrix left_;
  FactorPanels right_;
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

/// up * down, or its transpose where it is `turned`, times `factor`.
std::unique_ptr<ModuleChange> added_product(FactorMatrix up, FactorMatrix down, bool turned, double factor);

/// Changes of several matrices of the same extents, the rows of one after those of the other.
class StackedChanges : public ModuleChange {
 public:
  /// Of `rows` rows of `columns` elements each.
  StackedChanges(uint64_t rows, uint64_t columns) : rows_(rows), columns_(columns) {}
  void add(std::unique_ptr<ModuleChange> change) { changes_.push_back(std::move(change)); }
  void apply(uint64_t first, uint64_t count, std::span<float> weight) const override;
  uint64_t memory() const override;

 private:
  uint64_t rows_, columns_;
  std::vector<std::unique_ptr<ModuleChange>> changes_;
};

/// The block-diagonal matrix whose blocks lie below each other in `blocks`. REQUIRES: `count` divides its rows.
FactorMatrix block_diagonal(const FactorMatrix& blocks, uint64_t count);

/// The product of two small factors, in f32: sums from zero and in order.
FactorMatrix product(const FactorMatrix& left, const FactorMatrix& right);

/// core (r, r, k..) between two factors, of which `right` is (r, n), joined with it: (r, n * k), whose element [i, n,
/// k] is the sum over j of core[i, j, k] * right[j, n].
FactorMatrix joined_core(const FactorMatrix& core, const FactorMatrix& right);

}  // namespace ckmerge
