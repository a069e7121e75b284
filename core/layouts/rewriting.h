// SPDX-License-Identifier: Apache-2.0
// Carries layout rules out on a checkpoint's table: names change, tensors are cut, joined and turned as views of what
// the file holds. No byte is read or moved; merging, converting and hashing see tables as any other.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/layouts/layout_rule.h"
#include "io/table/checkpoint.h"

namespace ckmerge {

/// What became of the tensors behind `from_prefix`. Names are those of the file.
struct Rewriting {
  uint64_t kept = 0;                  ///< whole tensors that are called as before
  uint64_t renamed = 0;               ///< whole tensors under another name
  uint64_t reshaped = 0;              ///< new tensors that are cut from others, joined of them, or turned
  std::vector<std::string> carried;   ///< no rule covers them: they keep their names behind the prefix
  std::vector<std::string> left_out;  ///< rules say that the other naming has no counterpart
};

/// Gives the tensors of `checkpoint` that begin with `from_prefix`, and with none of `not_behind`, the names and shapes
/// that `rules` say, with `to_prefix` in front; others stay. Throws Error(mismatch) with a line per tensor, and changes
/// nothing, where a fused tensor lacks a part, parts differ in dtype or do not fit together, a shape is not what a rule
/// needs, codes of a quantizer would be cut, joined or turned, or two tensors would have one name.
Rewriting rewrite(Checkpoint& checkpoint, const LayoutRules& rules, Direction direction, std::string_view from_prefix,
                  std::string_view to_prefix, std::span<const std::string> not_behind = {});

}  // namespace ckmerge
