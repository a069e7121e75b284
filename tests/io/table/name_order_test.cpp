// SPDX-License-Identifier: Apache-2.0
#include "io/table/name_order.h"
#include "tests/sanitized.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>
#include <random>
#include <string>

using namespace ckmerge;

namespace {

std::vector<uint32_t> expected_order(const std::vector<std::string_view>& names) {
  std::vector<uint32_t> order(names.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) { return names[a] < names[b]; });
  return order;
}

void check_order(const std::vector<std::string>& texts) {
  const std::vector<std::string_view> names(texts.begin(), texts.end());
  CHECK(order_by_name(names) == expected_order(names));
}

}  // namespace

TEST_CASE("names sort by their bytes, as unsigned numbers") {
  check_order({});
  check_order({"a"});
  check_order({"b", "a"});
  check_order({"\x80", "\x7f", "", "\xff", std::string(1, '\0')});
}

TEST_CASE("a name comes before its continuations, NUL bytes included") {
  const std::string seven(7, 'x'), eight(8, 'x');
  check_order({eight + "a", eight, seven, seven + '\0', eight + '\0', eight + std::string(9, '\0'), "x", ""});
  check_order({std::string(3, '\0'), std::string(2, '\0'), std::string(9, '\0'), std::string(8, '\0'), ""});
}

TEST_CASE("equal names keep the order given") {
  check_order({"b", "a", "b", "a", "b"});
  check_order({"long.common.beginning.b", "long.common.beginning.a", "long.common.beginning.b", "z", "long"});
}

TEST_CASE("random names over a small alphabet sort as std::stable_sort does it") {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    std::vector<std::string> names(random() % 200);
    for (std::string& name : names) {
      name = std::string(random() % 3 * 8, 'p');
      for (size_t left = random() % 20; left > 0; --left) name += "\0a\xff."[random() % 4];
    }
    check_order(names);
  }
}

TEST_CASE("names that are each a beginning of the next sort without deep recursion") {
  std::vector<std::string> names;
  for (size_t size = test::kSanitized ? 600 : 3000; size > 0; --size)
    names.emplace_back((test::kSanitized ? 40 : 8) * size, 'x');
  const std::vector<std::string_view> views(names.begin(), names.end());
  const std::vector<uint32_t> order = order_by_name(views);
  for (uint32_t k = 0; k < order.size(); ++k) CHECK(order[k] == order.size() - 1 - k);
}
