// SPDX-License-Identifier: Apache-2.0
// Merging tensors that are joined of pieces and views gives the bytes that the same tensors give where they lie in
// order, whatever files they lie in.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>

#include "core/engine/input_digest.h"
#include "core/read/tile_sizing.h"
#include "io/hash/sha256.h"
#include "io/output_forms.h"
#include "tests/core/joined_checkpoints.h"
#include "tests/core/memory_checkpoints.h"
#include "tests/core/merge_runs.h"
#include "tests/cuda/stand_in.h"

using namespace ckmerge;
using namespace ckmerge::test;

namespace {

Recipe slerp() { return plain({.method = "slerp", .parameters = {{"t", {0.3}}}}); }

// One model's tensors in two ways: joined of what lies in the file, and plain.
struct Both {
  std::vector<FileTensor> storages;
  std::vector<PiecedTensor> tensors;
  std::string storage_file, plain_file;

  Checkpoint joined() const {
    Checkpoint checkpoint = open_checkpoint(storage_file);
    rebuild(checkpoint, tensors);
    return checkpoint;
  }
};

Both write_both(const TempFolder& folder, const std::string& name, uint64_t shapes_seed, uint64_t seed,
                bool with_opaque = false) {
  Both both;
  both.storages = random_storages(seed, with_opaque);
  both.tensors = random_tensors(both.storages, shapes_seed, seed);
  both.storage_file = write_file(folder / (name + ".storages"), both.storages, seed % 13);
  both.plain_file = write_file(folder / name, plain_tensors(both.tensors, both.storages));
  return both;
}

std::string merged(const Recipe& recipe, const std::vector<Checkpoint>& checkpoints, const TempFolder& folder,
                   RunOptions options = {}) {
  options.replace = true;
  options.sync = false;
  run(make_plan(recipe, checkpoints), checkpoints, folder / "joined", options);
  return read_file(folder / "joined");
}

std::string expected(const Recipe& recipe, const std::vector<std::string>& files, const TempFolder& folder) {
  merge(recipe, files, folder / "plain", {.replace = true, .sync = false});
  return read_file(folder / "plain");
}

std::string sha256_of(const std::string& path) {
  Sha256 sum;
  const std::string bytes = read_file(path);
  sum.add(std::as_bytes(std::span(bytes)));
  return sum.finish();
}

// Inputs in all combinations of plain and joined but the plain one alone.
template <typename Fn>
void for_each_mixture(const std::vector<const Both*>& inputs, const Fn& fn) {
  for (size_t which = 1; which < size_t{1} << inputs.size(); ++which) {
    std::vector<Checkpoint> checkpoints;
    for (size_t k = 0; k < inputs.size(); ++k)
      checkpoints.push_back(which >> k & 1 ? inputs[k]->joined() : open_checkpoint(inputs[k]->plain_file));
    fn(checkpoints);
  }
}

const std::vector<RunOptions>& ways() {
  static const std::vector<RunOptions> ways = {{},
                                               {.threads = 1},
                                               {.memory_budget = 1 << 20, .threads = 3},
                                               {.threads = 7, .tile_size = 4096},
                                               {.threads = 2, .tile_size = 65536}};
  return ways;
}

}  // namespace

TEST_CASE("joined tensors are merged as plain ones, whatever the method, threads, tiles and budget") {
  TempFolder folder;
  for (uint64_t round = 0; round < 12; ++round) {
    const Both a = write_both(folder, "A", round, 10 * round + 1), b = write_both(folder, "B", round, 10 * round + 5);
    const std::vector<Recipe> recipes = {plain(weighted(0.3)), slerp(),
                                         plain({.method = "weighted_sum", .dtype = Dtype::F16})};
    const Recipe& recipe = recipes[round % recipes.size()];
    const std::string reference = expected(recipe, {a.plain_file, b.plain_file}, folder);
    CAPTURE(round);
    for_each_mixture({&a, &b}, [&](const std::vector<Checkpoint>& checkpoints) {
      const RunOptions& options = ways()[round % ways().size()];
      CHECK(merged(recipe, checkpoints, folder, options) == reference);
      CHECK(merged(recipe, checkpoints, folder, {.threads = 2}) == reference);
    });
  }
}

TEST_CASE("joined tensors are copied as they are, and to another dtype") {
  TempFolder folder;
  for (uint64_t round = 0; round < 40; ++round) {
    const bool whole = round % 3 == 0;
    const Both a = write_both(folder, "A", round, 10 * round, whole);
    const Recipe recipe = copied(whole ? std::nullopt : std::optional(round % 3 == 1 ? Dtype::BF16 : Dtype::F64));
    const std::string reference = expected(recipe, {a.plain_file}, folder);
    CAPTURE(round);
    for_each_mixture({&a}, [&](const std::vector<Checkpoint>& checkpoints) {
      RunOptions options = ways()[round % ways().size()];
      options.verify = round % 4 == 0;
      CHECK(merged(recipe, checkpoints, folder, options) == reference);
    });
  }
}

TEST_CASE("pieces may lie in a zip archive, at addresses, or have to be asked for") {
  TempFolder folder;
  Both a = write_both(folder, "A", 1, 2);
  const auto has_no_torch_dtype = [](const auto& tensor) { return tensor.dtype == Dtype::F8_E4M3; };
  std::erase_if(a.storages, has_no_torch_dtype);
  std::erase_if(a.tensors, has_no_torch_dtype);
  write_file(a.storage_file, a.storages);
  write_file(a.plain_file, plain_tensors(a.tensors, a.storages));
  for (const Recipe& recipe : {copied(), copied(Dtype::F16), plain(weighted(0.25))}) {
    const size_t inputs = recipe.method == "copy" ? 1 : 2;
    const std::string reference = expected(recipe, std::vector<std::string>(inputs, a.plain_file), folder);
    Recipe archive = copied();
    archive.form = find_output_form("ckpt");
    merge(archive, {a.storage_file}, folder / "storages.ckpt", {.replace = true, .sync = false});
    std::vector<Checkpoint> of_archive;
    for (size_t k = 0; k < inputs; ++k)
      rebuild(of_archive.emplace_back(open_checkpoint(folder / "storages.ckpt")), a.tensors);
    CHECK(merged(recipe, of_archive, folder) == reference);
    for (const auto way : {MemoryCheckpoints::none, MemoryCheckpoints::all, MemoryCheckpoints::every_other})
      for (const RunOptions& options : ways()) {
        MemoryCheckpoints memory;
        std::vector<Checkpoint> in_memory;
        for (size_t k = 0; k < inputs; ++k)
          rebuild(in_memory.emplace_back(memory.open(std::to_string(k), a.storages, way)), a.tensors);
        CHECK(merged(recipe, in_memory, folder, options) == reference);
      }
  }
}

TEST_CASE("inputs with joined tensors are hashed, read by the merge or before it") {
  TempFolder folder;
  const Both a = write_both(folder, "A", 3, 4), b = write_both(folder, "B", 3, 5);
  Recipe recipe = plain(weighted(0.3));
  const std::string reference = expected(recipe, {a.plain_file, b.plain_file}, folder);
  recipe.hash = true;
  for (const uint64_t tile : {uint64_t{0}, uint64_t{4096}}) {
    std::vector<Checkpoint> checkpoints;
    checkpoints.push_back(a.joined());
    checkpoints.push_back(b.joined());
    const RunReport report = run(make_plan(recipe, checkpoints), checkpoints, folder / "joined",
                                 {.replace = true, .sync = false, .hash = true, .tile_size = tile});
    CHECK(read_file(folder / "joined") == reference);
    REQUIRE(report.input_hashes.size() == 2);
    CHECK(report.input_hashes[0].sha256 == sha256_of(a.storage_file));
    CHECK(report.input_hashes[1].sha256 == sha256_of(b.storage_file));
  }
}

TEST_CASE("a file whose pieces come in the file's order is hashed as it is merged, another one before") {
  TempFolder folder;
  const std::vector<FileTensor> storages = {random("a", Dtype::F32, {50'000}, 1), random("b", Dtype::F32, {30'000}, 2),
                                            random("c", Dtype::F32, {20'000}, 3)};
  const std::string file = write_file(folder / "S", storages);
  for (const bool in_order : {true, false}) {
    std::vector<Checkpoint> checkpoints;
    // A gap after the first, so that nothing grows together.
    const StoredPiece first{.storage = "a", .first = 0, .count = 40'000},
        second{.storage = "b", .first = 100, .count = 20'000};
    rebuild(checkpoints.emplace_back(open_checkpoint(file)),
            {{"w", Dtype::F32, {60'000}, {in_order ? first : second, in_order ? second : first}},
             {"x", Dtype::F32, {20'000}, {{.storage = "c", .first = 0, .count = 20'000}}}});
    Recipe recipe = copied();
    recipe.hash = true;
    CHECK(shards_in_order(make_plan(recipe, checkpoints), checkpoints, 0) == std::vector<bool>{in_order});
    for (const unsigned threads : {1u, 3u})
      for (const uint64_t tile : {uint64_t{0}, uint64_t{4096}}) {
        const RunReport report =
            run(make_plan(recipe, checkpoints), checkpoints, folder / "out",
                {.replace = true, .sync = false, .hash = true, .threads = threads, .tile_size = tile});
        CHECK(report.input_hashes[0].sha256 == sha256_of(file));
      }
  }
}

TEST_CASE("many checkpoints with joined tensors are accumulated") {
  TempFolder folder;
  std::vector<Both> models;
  std::vector<Checkpoint> checkpoints;
  std::vector<std::string> files;
  for (uint64_t k = 0; k < 12; ++k) {
    models.push_back(write_both(folder, "M" + std::to_string(k), 5, k));
    checkpoints.push_back(k % 3 == 2 ? open_checkpoint(models[k].plain_file) : models[k].joined());
    files.push_back(models[k].plain_file);
  }
  const Recipe recipe = plain({.method = "linear"});
  REQUIRE(make_plan(recipe, checkpoints).accumulates);
  const std::string reference = expected(recipe, files, folder);
  for (const RunOptions& options : ways()) CHECK(merged(recipe, checkpoints, folder, options) == reference);
}

TEST_CASE("rows that only the first has are woven with pieces of others, and the other way round") {
  TempFolder folder;
  // Rows of 9 and of 4 elements; borders of pieces lie inside of rows.
  const std::vector<FileTensor> wide = {random("s", Dtype::F16, {100'000}, 1)},
                                narrow = {random("s", Dtype::F16, {100'000}, 2)};
  const std::vector<PiecedTensor> a = {
      {"w", Dtype::F16, {5000, 9}, {{"s", 50'000, 7001}, {"s", 100, 30'000}, {"s", 7, 7999, {7999, 1}, {2, 1}}}}};
  const std::vector<PiecedTensor> b = {
      {"w", Dtype::F16, {5000, 4}, {{"s", 9, 3}, {"s", 40'000, 19'000, {19, 1000}, {1, 19}}, {"s", 0, 997}}}};
  const std::string file_a = write_file(folder / "A", plain_tensors(a, wide)),
                    file_b = write_file(folder / "B", plain_tensors(b, narrow));
  for (Recipe recipe : {plain(weighted(0.3)), slerp()}) {
    recipe.expand = ExpandPolicy::copy;
    const std::string reference = expected(recipe, {file_a, file_b}, folder);
    for (const RunOptions& options : ways()) {
      std::vector<Checkpoint> checkpoints;
      rebuild(checkpoints.emplace_back(open_checkpoint(write_file(folder / "SA", wide))), a);
      rebuild(checkpoints.emplace_back(open_checkpoint(write_file(folder / "SB", narrow))), b);
      CHECK(merged(recipe, checkpoints, folder, options) == reference);
    }
  }
}

TEST_CASE("devices compute joined tensors") {
  TempFolder folder;
  const Both a = write_both(folder, "A", 6, 7), b = write_both(folder, "B", 6, 8);
  for (const Recipe& recipe : {plain(weighted(0.3)), slerp()}) {
    const std::string reference = expected(recipe, {a.plain_file, b.plain_file}, folder);
    for_each_mixture({&a, &b}, [&](const std::vector<Checkpoint>& checkpoints) {
      reset_stand_in({.devices = 1});
      RunOptions options{.threads = 3};
      options.device = {.choice = DeviceChoice::cuda, .devices = {0}, .runtime = &stand_in()};
      CHECK(merged(recipe, checkpoints, folder, options) == reference);
    });
  }
}

TEST_CASE("each byte of a joined tensor is asked for once, and no more at a time than the budget has room for") {
  TempFolder folder;
  constexpr uint64_t kBudget = 4 << 20, kPart = 2'000'003;
  const std::vector<FileTensor> storages = {random("a", Dtype::F32, {kPart}, 1), random("b", Dtype::F32, {kPart}, 2)};
  MemoryCheckpoints memory;
  std::atomic<uint64_t> largest{0}, total{0};
  memory.on_read = [&](size_t, uint64_t, uint64_t size) {
    largest = std::max(largest.load(), size);
    total += size;
    return 0;
  };
  std::vector<Checkpoint> checkpoints;
  rebuild(checkpoints.emplace_back(memory.open("a", storages, MemoryCheckpoints::all)),
          {{"w", Dtype::F32, {2, kPart}, {{"b", 0, kPart}, {"a", 0, kPart}}}});
  const Plan plan = make_plan(copied(Dtype::F16), checkpoints);
  CHECK(plan.bytes_to_read == 2 * kPart * 4);
  const TileSizing sizing = size_tiles(plan, checkpoints, {.budget = kBudget, .threads = 2});
  run(plan, checkpoints, folder / "out", {.sync = false, .memory_budget = kBudget, .threads = 2});
  CHECK(largest <= sizing.window_size);
  CHECK(total == 2 * kPart * 4);
}
