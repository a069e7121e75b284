// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <algorithm>

#include "core/families/model_family.h"
#include "core/layouts/rewriting.h"
#include "tests/core/layouts/traced_table.h"

using namespace ckmerge;
using namespace ckmerge::test;

namespace {

const ModelFamily& sd3() {
  return *std::ranges::find_if(model_families(),
                               [](const ModelFamily& family) { return family.name == std::string("sd3"); });
}

// Blocks `numbers`, of which the text ends in the last where `ends`.
Checkpoint model(const std::vector<int>& numbers, bool ends) {
  TracedTable table;
  for (const int number : numbers) {
    const std::string block = "joint_blocks." + std::to_string(number) + ".";
    const bool last = ends && number == numbers.back();
    table.add(block + "x_block.attn.qkv.weight", {6, 2});
    table.add(block + "context_block.attn.qkv.weight", {6, 2});
    table.add(block + "context_block.adaLN_modulation.1.weight", {last ? 4u : 12u, 2});
    if (!last) table.add(block + "context_block.attn.proj.weight", {2, 2});
  }
  return table.checkpoint();
}

// Whether the halves of a block's modulation of the text changed places.
bool is_swapped(const Checkpoint& checkpoint, int number) {
  const std::string name = "transformer_blocks." + std::to_string(number) + ".norm1_context.linear.weight";
  const std::vector<uint64_t> at = places(checkpoint.tensors, checkpoint.tensors.find(name));
  return !std::ranges::is_sorted(at);
}

}  // namespace

TEST_CASE("the last block that a Stable Diffusion 3 has gives shift and scale in the other order") {
  const auto check = [](const std::vector<int>& numbers, bool ends) {
    const Checkpoint given = model(numbers, ends);
    Checkpoint checkpoint = copy(given);
    const auto rules = [&](bool from_left) { return sd3().rules(ComponentNames(checkpoint.tensors, ""), from_left); };
    rewrite(checkpoint, rules(true), Direction::to_right, "", "");
    for (const int number : numbers) CHECK(is_swapped(checkpoint, number) == (ends && number == numbers.back()));
    rewrite(checkpoint, rules(false), Direction::to_left, "", "");
    CHECK(rows(checkpoint.tensors) == rows(given.tensors));
  };
  check({0, 1}, true);
  check({0, 1, 2, 9, 10, 11}, true);  // one that was pruned, and whose last number is not the last name
  check({3, 7}, true);
  check({0, 1}, false);  // one that was cut short
}
