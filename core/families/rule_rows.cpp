// SPDX-License-Identifier: Apache-2.0
#include "core/families/rule_rows.h"

#include "io/text/sentence.h"

namespace ckmerge {
namespace {

std::string behind(std::string_view beginning, std::string_view end) {
  return end.empty() ? std::string() : sentence(beginning, end);
}

}  // namespace

void add_rules(LayoutRules& rules, std::string_view left, std::string_view right, std::initializer_list<RuleRow> rows) {
  for (const RuleRow& row : rows)
    rules.push_back({.left = behind(left, row.left),
                     .right = behind(right, row.right),
                     .reshaping = row.reshaping,
                     .cut = row.cut,
                     .fold = row.fold});
}

void add_kept(LayoutRules& rules, std::initializer_list<std::string_view> patterns) {
  for (const std::string_view pattern : patterns)
    rules.push_back({.left = std::string(pattern), .right = std::string(pattern)});
}

}  // namespace ckmerge
