// SPDX-License-Identifier: Apache-2.0
// How names of one file become those of another when a prefix is taken off and another put in front: found by the
// stems that both have in common, without knowing any prefix.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "io/table/tensor_table.h"

namespace ckmerge {

struct PrefixSwap {
  std::string strip, add;  ///< each empty or with a dot at its end
  size_t matches = 0;      ///< names that become one of the other file's
  size_t misfits = 0;      ///< of those: of another shape there
  size_t deepest = 0;      ///< dots of the stem with most of them
  bool has_rival = false;  ///< another swap matches as many

  /// Told by more than two layers of one network, such as fc1. and fc2., would tell.
  bool is_of_layers() const {
    const bool both = !strip.empty() && !add.empty();
    return !has_rival && (both ? matches >= 4 && deepest >= 1 : matches >= 2 || deepest >= 1);
  }

  std::string apply(std::string_view name) const { return add + std::string(name.substr(strip.size())); }
};

/// Rows of a sorted table, ascending.
struct NamedRows {
  const TensorTable& tensors;
  std::span<const uint32_t> rows;
};

/// The swap that makes most names of `from` names of `to`, judged by a few of them; none where none matches any. Linear
/// in both.
std::optional<PrefixSwap> find_prefix_swap(NamedRows from, NamedRows to);

}  // namespace ckmerge
