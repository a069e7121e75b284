// SPDX-License-Identifier: Apache-2.0
// Factors of a module as numbers: found by their names, read whole as f32, and what is wrong with their shapes.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/adapters/adapter_kind.h"

namespace ckmerge {

/// Null where the module has none of that name.
const Factor* find_factor(const AdapterModule& module, std::string_view name);
/// REQUIRES: the module has it.
const Factor& factor(const AdapterModule& module, std::string_view name);
/// Names and shapes are views into the file's table.
Tensor factor_tensor(const Adapter& adapter, const Factor& factor);

/// A matrix of f32, its rows one after another.
struct FactorMatrix {
  uint64_t rows = 0, columns = 0;
  std::vector<float> elements;

  const float* row(uint64_t index) const { return elements.data() + index * columns; }
  float* row(uint64_t index) { return elements.data() + index * columns; }
};
FactorMatrix transposed(const FactorMatrix& matrix);

/// Elements in order; f64 is rounded once. Throws as InputFile::read_at() does, and Error(malformed) where any is NaN
/// or Inf. REQUIRES: of a real dtype.
std::vector<float> read_factor(const Adapter& adapter, const Factor& factor);
/// The same as a matrix: dimension 0 are its rows, all others together its columns.
FactorMatrix read_matrix(const Adapter& adapter, const Factor& factor);
/// The transpose of read_matrix(), for which no more is in memory than itself.
FactorMatrix read_transposed(const Adapter& adapter, const Factor& factor);
/// Elements from `first` on, as many as `out` has. Thread-safe; throws as read_factor().
void read_elements(const Adapter& adapter, const Factor& factor, uint64_t first, std::span<float> out);
/// Whole numbers, of whatever integer dtype. Throws Error(malformed) for a number below 0.
std::vector<uint64_t> read_indices(const Adapter& adapter, const Factor& factor);

/// Product of all dimensions but the first; 1 for a vector or scalar.
uint64_t columns_of(Shape shape);
/// The first dimension; 1 for a scalar.
uint64_t rows_of(Shape shape);

/// A clause that says which of `names` the module lacks; empty: none.
std::string lacking_factor(const AdapterModule& module, std::initializer_list<std::string_view> names);
/// A clause that says which of the module's factors cannot be computed with, or makes a DoRA of the module, which the
/// kinds that add know nothing of; empty: none. Those called `whole` must hold whole numbers, all others reals.
std::string unfit_factor(const Adapter& adapter, const AdapterModule& module,
                         std::initializer_list<std::string_view> whole = {});
/// "lora_A has 64 columns, the weight 128".
std::string misfit(std::string_view factor, uint64_t has, std::string_view what, std::string_view other,
                   uint64_t expected);
/// "diff is [16, 3, 4], and the weight [16, 12]".
std::string misfit(std::string_view factor, Shape shape, const ModuleWeight& weight);
/// Of what the factors make of a weight, "up" by its rows and "down" by its columns; empty: it is the weight's matrix,
/// or its transpose where it is `turned`.
std::string misfit(const ModuleWeight& weight, bool turned, std::string_view up, uint64_t rows, std::string_view down,
                   uint64_t columns);

}  // namespace ckmerge
