// SPDX-License-Identifier: Apache-2.0
// Rules as rows that have their beginnings in common: those of a block, of an attention.
#pragma once

#include <initializer_list>
#include <string_view>

#include "core/layouts/layout_rule.h"

namespace ckmerge {

/// A rule without the beginnings of its two sides. An empty side stays empty.
struct RuleRow {
  std::string_view left, right;
  Reshaping reshaping = Reshaping::none;
  RowCut cut = RowCut::equal;
  uint32_t fold = 0;
};

/// Adds `rows` to `rules`, with `left` and `right` in front of their sides.
void add_rules(LayoutRules& rules, std::string_view left, std::string_view right, std::initializer_list<RuleRow> rows);

/// Adds rules of names that are the same in both namings.
void add_kept(LayoutRules& rules, std::initializer_list<std::string_view> patterns);

}  // namespace ckmerge
