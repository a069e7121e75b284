// SPDX-License-Identifier: Apache-2.0
// Tensors of which no order, rank or mask can be made: what is said names the tensor, the inputs and the method.
#include <doctest/doctest.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "core/orders/made_orders.h"
#include "core/plan/plan.h"
#include "tests/core/failure.h"
#include "tests/core/merge_runs.h"

using namespace ckmerge;
using namespace ckmerge::test;

namespace {

Failure planned_orders(const Recipe& recipe, const std::vector<std::string>& paths) {
  return failure([&] {
    std::vector<Checkpoint> checkpoints = open_all(paths);
    add_orders(recipe, checkpoints);
    make_plan(recipe, checkpoints);
  });
}

Recipe of_half(const char* method, const char* flag = nullptr) {
  Recipe recipe = plain({.method = method, .parameters = {{"density", {0.5}}}});
  if (flag) recipe.parameters[flag] = {1};
  recipe.expand = ExpandPolicy::zero;
  return recipe;
}

// Of more elements than 32 bits count, as a hole.
std::string write_vast(const std::string& path) {
  constexpr uint64_t kCount = uint64_t{1} << 32;
  const std::string count = std::to_string(kCount);
  std::string header = R"({"vast":{"dtype":"F8_E4M3","shape":[)" + count + R"(],"data_offsets":[0,)" + count + "]}}";
  header.resize((header.size() + 7) / 8 * 8, ' ');
  std::ofstream file(path, std::ios::binary);
  for (unsigned shift = 0; shift < 64; shift += 8) file.put(static_cast<char>(header.size() >> shift & 0xff));
  file << header;
  file.close();
  std::filesystem::resize_file(path, 8 + header.size() + kCount);
  return path;
}

}  // namespace

TEST_CASE("where a tensor has no order or mask, its name, the inputs and the method are told, and what mends it") {
  TempFolder folder;
  const std::string a = write_file(folder / "a", {random("wide", Dtype::F32, {30, 9, 3, 3}, 1)}),
                    b = write_file(folder / "b", {random("wide", Dtype::F32, {30, 4, 3, 3}, 2)}, 1);
  const std::string mend =
      ": all inputs must have it in floats and in one shape for that; --exclude it, which copies the first "
      "checkpoint's";
  for (const auto& [recipe, what] :
       {std::pair{of_half("ties", "mergekit_order"),
                  "there is no order of the differences of " + b + " from " + a + ", which ties wants"},
        std::pair{of_half("dare_linear", "mergekit_masks"),
                  "there is no mask of " + b + ", which dare_linear draws"}}) {
    const Failure failed = planned_orders(recipe, {a, b});
    CHECK(failed.code == ErrorCode::mismatch);
    CHECK(failed.details == std::vector<std::string>{"wide: " + what + mend});
  }
}

TEST_CASE("an order of what one input has beyond another names both") {
  TempFolder folder;
  std::vector<std::string> paths;
  for (uint64_t k = 0; k < 3; ++k)
    paths.push_back(write_file(folder / std::string(1, static_cast<char>('a' + k)),
                               {random("w", Dtype::F32, {30, k == 0 ? 9u : 4u, 3, 3}, k + 1)}, k));
  Recipe recipe = plain({.method = kFormulaMethod,
                         .formula = Formula{.text = "A + ties(B - A, C - A, density=0.5, mergekit_order=true)",
                                            .names = {"A", "B", "C"}}});
  recipe.expand = ExpandPolicy::zero;
  const Failure failed = planned_orders(recipe, paths);
  REQUIRE(failed.details.size() == 1);
  CHECK(failed.details[0].starts_with("w: there is no order of the differences of (" + paths[2] + " - " + paths[0] +
                                      ") from (" + paths[1] + " - " + paths[0] + "), which ties wants: "));
}

TEST_CASE("a tensor of more elements than an order has numbers for is refused by its name") {
  TempFolder folder;
  const std::vector<std::string> paths = {write_vast(folder / "a"), write_vast(folder / "b")};
  const Failure failed = planned_orders(of_half("ties", "mergekit_order"), paths);
  CHECK(failed.code == ErrorCode::resources);
  CHECK(failed.where == "vast");
  CHECK(failed.text == "vast: has more than 4294967295 elements, which ties does not put in order");
  CHECK(planned_orders(of_half("ties"), paths).text == "");
  CHECK(planned_orders(of_half("dare_linear", "mergekit_masks"), paths).text == "");  // drawn, not sorted
}
