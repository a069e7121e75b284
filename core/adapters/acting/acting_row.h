// SPDX-License-Identifier: Apache-2.0
// What kinds that act on weights have in common.
#pragma once

#include <span>
#include <string_view>

#include "core/adapters/adapter_kind.h"
#include "io/text/sentence.h"

namespace ckmerge {

/// What the file's config says by this name, or what PEFT and LyCORIS take where it says nothing.
inline double number_or(const AdapterModule& module, std::string_view name, double otherwise) {
  const auto found = module.numbers.find(name);
  return found == module.numbers.end() ? otherwise : found->second;
}

/// Whether the config has this flag, or this text under a key: "init_weights=bat".
inline bool has_flag(const AdapterModule& module, std::string_view name) { return number_or(module, name, 0) != 0; }

/// The f32 in the direction of `made`, `strength` of the way from `old`; `made` itself at strength 1.
inline float blended(float old, double made, double strength) {
  return static_cast<float>(strength == 1 ? made : double{old} + strength * (made - double{old}));
}

/// The row of a range of rows that has `columns` elements each.
inline std::span<float> row_of(std::span<float> weight, uint64_t index, uint64_t columns) {
  return weight.subspan(index * columns, columns);
}

/// Bytes of a group of rows, as it was, as it is made, and its difference: of kinds whose rows hang on each other.
inline uint64_t grouped_rows(uint64_t group, const ModuleWeight& weight) {
  return 3 * group * weight.columns() * sizeof(float);
}

/// What is wrong where a kind is known of matrices alone, of layers whose outputs are rows; empty: nothing.
inline std::string no_matrix(const ModuleWeight& weight, std::string_view kind) {
  if (weight.experts != 1 || weight.is_embedding || weight.transposed)
    return sentence(kind, " of embeddings, experts or transposed weights is not known");
  return weight.shape.size() < 2 ? sentence(kind, " is of matrices, and this weight is none") : std::string();
}

}  // namespace ckmerge
