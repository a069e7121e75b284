// SPDX-License-Identifier: Apache-2.0
// What a rule does to one tensor: turning it, and where its rows are cut.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/layouts/element_view.h"
#include "core/layouts/layout_rule.h"

namespace ckmerge {

/// Does to `view` what `rule` says of a whole tensor. `ones`: dimensions of a convolution behind its channels, which
/// Reshaping::square gives to the left. Returns why it cannot be done, one clause; empty: it was.
std::string turn(ElementView& view, const LayoutRule& rule, Direction direction, size_t ones);

/// The rows of each part of a tensor of `rows`, beside a matrix of `columns`; none: it cannot be cut so.
std::optional<std::vector<uint64_t>> row_counts(RowCut cut, size_t parts, uint64_t rows, uint64_t columns);

/// "[64, 3072]".
std::string shape_text(Shape shape);

}  // namespace ckmerge
