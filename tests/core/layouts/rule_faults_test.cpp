// SPDX-License-Identifier: Apache-2.0
#include "core/layouts/rule_faults.h"

#include <doctest/doctest.h>

using namespace ckmerge;

TEST_CASE("rules that cannot be carried out in both directions are named") {
  const LayoutRules good = {
      {"a.#.qkv.*", "b.#.{q.x,k,v}.*"}, {"e.#.w", "e.#.@.{gate,up}.w"}, {"gone", ""}, {"", "new"}, {"*", "*"}};
  CHECK(rule_faults(good).empty());
  const LayoutRules bad[] = {
      {{"", ""}},
      {{"a.#", "b"}},
      {{"a.*", "b"}},
      {{"a.*.b", "c.*.d"}},
      {{"a.{b,c}", "d"}},
      {{"a.@", "b.@"}},
      {{"a", "b.@.@"}},
      {{"a", "b.x@"}},
      {{"a", "b.{c,d"}},
      {{"a", "b.{c,d}.{e,f}"}},
      {{"a", "b.{c,c}"}},
      {{"a", "b"}, {"a", "c"}},
      {{"a", "b"}, {"c", "{b,d}"}},
      {{"a", "b", Reshaping::none, RowCut::first_as_columns}},
      {{"a", "b", Reshaping::fold}},
      {{"a", "{b,c}", Reshaping::fold, RowCut::equal, 2}},
      {{"#.#.#.#.#.#.#.#.#", "#.#.#.#.#.#.#.#.#"}},
  };
  for (const LayoutRules& rules : bad) {
    CAPTURE(rules[0].right);
    CHECK(rule_faults(rules).size() == 1);
  }
}
