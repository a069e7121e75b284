// SPDX-License-Identifier: Apache-2.0
// A module of a sum of adapters: the products of its parts as one product, whose rank is the sum of theirs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/adapters/adapter.h"
#include "core/adapters/making/made_adapter.h"
#include "core/algebra/low_rank.h"

namespace ckmerge {

/// A module of one of the adapters, and what its product counts.
struct SummedPart {
  const Adapter* adapter = nullptr;
  const AdapterModule* module = nullptr;
  double factor = 1;
};

/// Of at least one part; all are plain products (core/adapters/plain_product.h) of the same rows and columns, of as
/// many experts.
struct FactorSum {
  std::string name;
  std::vector<SummedPart> parts;
  std::vector<uint64_t> up_shape, down_shape;  ///< with the sum of the ranks
  uint64_t experts = 1;                        ///< of which each part has a product (core/adapters/plain_product.h)

  uint64_t rows() const { return up_shape.front(); }
  uint64_t rank() const { return down_shape.front(); }
  uint64_t columns() const;
};

/// The factors of all parts beside each other; what a part counts is in both of its factors alike. Energy is left
/// unknown. Throws as read_factor().
FactorPair joined_factors(const FactorSum& sum);
/// Of the product, or of those of all experts, by the factors' own products, which are small.
double energy_of(const FactorSum& sum);
/// REQUIRES: it is of no experts.
Svd svd_of(const FactorSum& sum);

/// Upper bounds of the bytes that joined_factors() and svd_of() take, their results among them.
uint64_t joined_memory(const FactorSum& sum);
uint64_t svd_memory(const FactorSum& sum);

}  // namespace ckmerge
