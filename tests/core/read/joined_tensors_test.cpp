// SPDX-License-Identifier: Apache-2.0
// What reads joined tensors beside the merge: ties, and values of small ones.
#include <doctest/doctest.h>

#include "core/plan/plan.h"
#include "core/read/small_values.h"
#include "io/checkpoint.h"
#include "io/output_forms.h"
#include "tests/core/joined_checkpoints.h"
#include "tests/core/memory_checkpoints.h"

using namespace ckmerge;
using namespace ckmerge::test;

TEST_CASE("joined tensors are tied where all their pieces are the same") {
  const std::vector<FileTensor> storages = {random("s", Dtype::F32, {1000}, 1)};
  MemoryCheckpoints memory;
  std::vector<Checkpoint> checkpoints;
  const StoredPiece x{"s", 500, 10}, y{"s", 0, 20}, z{"s", 1, 20};
  rebuild(checkpoints.emplace_back(memory.open("a", storages)), {{"a", Dtype::F32, {30}, {x, y}},
                                                                 {"b", Dtype::F32, {30}, {x, y}},
                                                                 {"c", Dtype::F32, {30}, {x, z}},
                                                                 {"d", Dtype::F32, {30}, {y, x}},
                                                                 {"e", Dtype::F32, {10}, {x}}});
  Recipe recipe{.method = "copy"};
  recipe.form = find_output_form("ckpt");
  const Plan plan = make_plan(recipe, checkpoints);
  REQUIRE(plan.ties.size() == 1);
  CHECK(checkpoints[0].tensors.name(plan.steps[plan.ties[0].step].named.tensor) == "b");
}

TEST_CASE("values of small tensors are read from their pieces") {
  TempFolder folder;
  const std::vector<FileTensor> storages = {f32("s", {6}, {0, 1, 2, 3, 4, 5})};
  Checkpoint checkpoint = open_checkpoint(write_file(folder / "S", storages));
  rebuild(checkpoint, {{"w", Dtype::F32, {6}, {{"s", 4, 2}, {"s", 0, 4, {2, 2}, {1, 2}}}}});
  CHECK(small_values(checkpoint, 0) == std::vector<double>{4, 5, 0, 2, 1, 3});
}
