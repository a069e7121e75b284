// SPDX-License-Identifier: Apache-2.0
#include "core/read/tile_sizing.h"

#include <doctest/doctest.h>

#include <optional>
#include <string>

#include "io/checkpoint.h"
#include "io/text/error.h"
#include "tests/core/checkpoint_files.h"

using namespace ckmerge;
using namespace ckmerge::test;

TEST_CASE("tiles in flight never exceed the budget, for 2 and for 20 inputs and any dtype widths") {
  TempFolder folder;
  std::vector<Checkpoint> checkpoints;
  for (int k = 0; k < 20; ++k)
    checkpoints.push_back(
        open_checkpoint(write_file(folder / std::to_string(k), {random("w", Dtype::F64, {1 << 17}, 1)})));
  for (const size_t inputs : {2, 20})
    for (const Dtype dtype : {Dtype::F64, Dtype::F16, Dtype::F8_E4M3})
      for (const uint64_t budget : {2ull << 20, 16ull << 20, 128ull << 20, 1ull << 30})
        for (const unsigned threads : {1u, 2u, 64u}) {
          const std::span<const Checkpoint> some(checkpoints.data(), inputs);
          const Plan plan = make_plan({.method = "linear", .dtype = dtype}, some);
          const TileSizing sizing = size_tiles(plan, some, {.budget = budget, .threads = threads});
          CHECK(sizing.memory() <= budget);
          CHECK(sizing.tile_size > 0);
          CHECK(sizing.tile_size % 4096 == 0);
          CHECK(sizing.threads >= 1);
          CHECK(sizing.threads <= threads);
          // Two are mapped together, of twenty one at a time, with sums beside it.
          const size_t together = inputs == 2 ? 2 : 1;
          CHECK(sizing.window_size >= sizing.tile_size * together * (8 / element_size(dtype)));
          CHECK(sizing.sums_size >= (inputs == 2 ? 0 : sizing.tile_size * (8 / element_size(dtype))));
        }
}

TEST_CASE("the budget that a refusal names is the least that will do, numbers of rows and columns included") {
  TempFolder folder;
  std::vector<Checkpoint> checkpoints;
  for (const uint64_t k : {1, 2})
    checkpoints.push_back(open_checkpoint(write_file(
        folder / std::to_string(k), {random("a", Dtype::F32, {40'001, 2}, k), random("b", Dtype::F32, {150'001}, k),
                                     random("c", Dtype::F32, {70'001, 1}, k)})));
  for (const char* const method : {"linear", "ties", "nuslerp", "arcee_fusion", "cosine_a", "add_cosine_b"}) {
    const Plan plan = make_plan({.method = method}, checkpoints);
    const auto named = [&](uint64_t budget) -> std::optional<uint64_t> {
      try {
        size_tiles(plan, checkpoints, {.budget = budget, .threads = 3});
        return std::nullopt;
      } catch (const Error& e) {
        const std::string text = e.what(), before = "give at least ";
        return std::stoull(text.substr(text.find(before) + before.size()));
      }
    };
    const std::optional<uint64_t> least = named(1000);
    REQUIRE_MESSAGE(least, method);
    CHECK_MESSAGE(!named(*least), method);
    CHECK_MESSAGE(named(*least - 1) == least, method);
  }
}
