// SPDX-License-Identifier: Apache-2.0
// What the tensors of a model are called, and how they lie, in its two namings: rules, each of which is true in both
// directions. Rules are data; core/layouts/rewriting carries them out as views of the file.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ckmerge {

/// How the elements of the tensor on the left are those of its counterparts on the right.
/// Tensors without dimensions are turned by none of these, and a bias is not transposed.
enum class Reshaping : uint8_t {
  none,       ///< they are the same, in the same order; of rules with `{` or `@`, cut along dimension 0
  swap,       ///< the halves along dimension 0 change places
  transpose,  ///< the two last dimensions change places
  square,     ///< (C, C) on the right; ones behind it on the left: as many as the file's convolutions have dimensions
  fold,       ///< dimension 0 of the left is two on the right: LayoutRule::fold and the rest
};

/// Where a fused matrix, and its bias, are cut along dimension 0 into the parts of the braces. A bias goes by the
/// columns of the matrix beside it.
enum class RowCut : uint8_t {
  equal,                    ///< all parts have as many rows
  first_as_columns,         ///< the first has as many as the matrix has columns, the others share the rest equally
  all_but_last_as_columns,  ///< those before the last have as many as it has columns, the last has the rest
};

/// Patterns are names, component by component (what stands between dots), matched as a whole:
///   #          any number, the same on both sides, in the order in which they stand
///   *          at the end: one component or more, the same on both sides
///   {a,b,c}    on the right, once: the parts that a fused tensor on the left is cut into, in that order; what stands
///              in the braces may have dots
///   @          on the right: numbers from 0 on without a gap; the tensor on the left is those of the right, stacked
///              along a new dimension 0 (experts). With braces: each of the stack is cut further.
/// Of several rules that match a name, the one holds that has its first literal component where the others have `#` or
/// `*`.
struct LayoutRule {
  std::string left;   ///< empty: the tensor on the right has no counterpart, and is left out
  std::string right;  ///< empty: likewise
  Reshaping reshaping = Reshaping::none;
  RowCut cut = RowCut::equal;
  uint32_t fold = 0;
};

/// REQUIRES: no two rules have the same left, or the same right, but an empty one; `#` as often on both sides, eight
/// times at most.
using LayoutRules = std::vector<LayoutRule>;

enum class Direction : uint8_t { to_right, to_left };

}  // namespace ckmerge
