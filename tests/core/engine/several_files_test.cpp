// SPDX-License-Identifier: Apache-2.0
// An output of two files, made by one run: each is what a merge of its tensors alone writes. Nobody can ask for such a
// plan yet, so it is made by hand.
#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <numeric>
#include <utility>

#include "core/engine/work_queue.h"
#include "core/plan/output_files.h"
#include "io/hash/sha256.h"
#include "tests/core/failure.h"
#include "tests/core/merge_runs.h"
#include "tests/cuda/stand_in.h"

using namespace ckmerge;
using namespace ckmerge::test;

namespace {

constexpr size_t kFiles = 2;

std::vector<uint32_t> indices(size_t begin, size_t end) {
  std::vector<uint32_t> out(end - begin);
  std::iota(out.begin(), out.end(), static_cast<uint32_t>(begin));
  return out;
}

// The first half of the steps in one file, the second in another.
Plan in_two(const Recipe& recipe, std::span<const Checkpoint> checkpoints) {
  Plan plan = make_plan(recipe, checkpoints);
  const size_t count = plan.steps.size(), half = count / 2;
  lay_out_files(plan, checkpoints,
                std::vector<FileContents>{{.steps = indices(0, half)}, {.steps = indices(half, count)}});
  return plan;
}

// What a merge writes that discards what is not in file `k` of `plan`.
std::string alone(const Plan& plan, size_t k, std::span<const Checkpoint> checkpoints, const std::string& target) {
  Recipe recipe = plan.recipe;
  for (const Step& step : plan.steps_of(plan.files[1 - k]))
    recipe.discard.push_back("^" + std::string(checkpoints[0].tensors[step.named.tensor].name) + "$");
  run(make_plan(recipe, checkpoints), checkpoints, target, {.replace = true, .sync = false});
  return read_file(target);
}

// Without the dtypes that torch lacks.
std::vector<FileTensor> tensors(uint64_t seed) {
  std::vector<FileTensor> tensors = mixed(seed);
  std::erase_if(tensors, [](const FileTensor& tensor) {
    return tensor.dtype == Dtype::F8_E4M3 || tensor.dtype == Dtype::F8_E5M2;
  });
  return tensors;
}

std::vector<Checkpoint> inputs(const TempFolder& folder, size_t count) {
  std::vector<std::string> paths;
  for (size_t k = 0; k < count; ++k) paths.push_back(write_file(folder / ("in" + std::to_string(k)), tensors(k)));
  return open_all(paths);
}

// What it records of itself would tell which tensors were left out.
Recipe silent(Recipe recipe, const OutputForm& form) {
  recipe.metadata = MetadataPolicy::none;
  recipe.form = &form;
  return recipe;
}

std::vector<std::string> targets(const TempFolder& folder) { return {folder / "out0", folder / "out1"}; }

}  // namespace

TEST_CASE("two files in one run are what two merges write, whatever the form, method, tiles, threads and device") {
  TempFolder folder;
  const std::vector<Checkpoint> many = inputs(folder, 9);
  const Recipe slerp{.method = "slerp", .parameters = {{"t", {0.3}}}};
  for (const auto& row : {std::pair(weighted(0.3), 2), {slerp, 2}, {Recipe{.method = "linear"}, 9}})
    for (const OutputForm& form : output_forms()) {
      const Recipe& recipe = row.first;
      const auto checkpoints = std::span(many).first(static_cast<size_t>(row.second));
      const Plan plan = in_two(silent(recipe, form), checkpoints);
      REQUIRE(plan.files.size() == kFiles);
      std::vector<std::string> expected;
      for (size_t k = 0; k < kFiles; ++k) expected.push_back(alone(plan, k, checkpoints, folder / "alone"));
      for (const uint64_t tile : {uint64_t{0}, uint64_t{4096}, uint64_t{65536}})
        for (const bool device : {false, true}) {
          reset_stand_in({});
          RunOptions options{
              .replace = true, .sync = false, .verify = true, .hash = true, .threads = 3, .tile_size = tile};
          if (device) options.device = {.choice = DeviceChoice::cuda, .devices = {0}, .runtime = &stand_in()};
          const RunReport report = run(plan, checkpoints, targets(folder), options);
          REQUIRE(report.sums.size() == kFiles);
          for (size_t k = 0; k < kFiles; ++k) {
            CHECK_MESSAGE(read_file(targets(folder)[k]) == expected[k], recipe.method, " ", form.name, " ", tile);
            CHECK(report.sums[k].sha256 == hash_file(InputFile(targets(folder)[k]), false, [](uint64_t) {}));
            CHECK(report.sums[k].tensor_sha256.empty() == !form.has_tensor_sum);
          }
          CHECK(report.bytes_written == expected[0].size() + expected[1].size());
        }
    }
}

TEST_CASE("hashes of inputs that are taken on the way are in the headers of both files") {
  TempFolder folder;
  const std::vector<Checkpoint> unordered = inputs(folder, 2);
  std::vector<std::string> paths;
  for (const Checkpoint& checkpoint : unordered) {  // laid out as the output is, so that they are hashed in turn
    paths.push_back(checkpoint.path + "_laid_out");
    merge({.method = "copy"}, {checkpoint.path}, paths.back());
  }
  const std::vector<Checkpoint> checkpoints = open_all(paths);
  merge(weighted(0.3), paths, folder / "whole");
  for (const OutputForm& form : output_forms())
    for (const uint64_t tile : {uint64_t{0}, uint64_t{4096}}) {
      Recipe recipe = weighted(0.3);
      recipe.hash = true;
      recipe.form = &form;
      const Plan plan = in_two(recipe, checkpoints);
      const RunReport report =
          run(plan, checkpoints, targets(folder),
              {.replace = true, .sync = false, .verify = true, .hash = true, .threads = 3, .tile_size = tile});
      for (size_t k = 0; k < kFiles; ++k) {
        const std::string file = read_file(targets(folder)[k]);
        const std::vector<Checkpoint> again = open_all({targets(folder)[k]});
        const Checkpoint& opened = again.front();
        for (const InputHash& hash : report.input_hashes) CHECK(file.find(hash.sha256) < plan.files[k].header.size());
        CHECK(report.sums[k].sha256 == hash_file(InputFile(targets(folder)[k]), false, [](uint64_t) {}));
        REQUIRE(opened.tensors.size() == plan.steps_of(plan.files[k]).size());
        for (size_t i = 0; i < opened.tensors.size(); ++i) {
          const Tensor tensor = opened.tensors[i];
          CHECK(file.substr(tensor.offset, tensor.size) == tensor_bytes(folder / "whole", std::string(tensor.name)));
        }
      }
    }
}

TEST_CASE("tiles cover every file, whole, and cross no border") {
  TempFolder folder;
  const std::vector<Checkpoint> checkpoints = inputs(folder, 2);
  const Plan plan = in_two({.method = "slerp", .parameters = {{"t", {0.3}}}}, checkpoints);
  CHECK(plan.files[1].place.begin % kFileAlignment == 0);
  CHECK(plan.files[1].place.begin - plan.files[0].place.end < kFileAlignment);
  for (const uint64_t size : {4096u, 65536u, 1u << 20}) {
    WorkQueue queue(plan, size, true, 2);
    uint64_t tiles = 0, statistics = 0;
    while (const auto unit = queue.next()) {
      uint64_t& at = unit->statistics ? statistics : tiles;
      CHECK(unit->range.begin == at);
      const PlannedFile& file = plan.files[file_at(plan, at)];
      CHECK(unit->range.end == std::min(at + size, file.place.end));
      at = next_offset(plan, unit->range.end);
    }
    CHECK(tiles == plan.end());
    CHECK(statistics == plan.end());
  }
}

TEST_CASE("a byte that the disk gives back wrong in the second file is found there, and neither is put in place") {
  TempFolder folder;
  const std::vector<Checkpoint> checkpoints = inputs(folder, 2);
  const std::vector<std::string> before = folder.names();
  const Plan plan = in_two(weighted(0.3), checkpoints);
  const auto damage = [&](const Progress& progress) {
    if (progress.stage != Stage::verify) return;
    std::fstream file(folder / ".out1.ckmerge-partial", std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(static_cast<std::streamoff>(plan.files[1].size() - 1)).put('?');
  };
  const Failure fault =
      failure([&] { run(plan, checkpoints, targets(folder), {.sync = false, .verify = true, .on_progress = damage}); });
  CHECK(fault.code == ErrorCode::difference);
  CHECK(fault.where == folder / "out1");
  CHECK(folder.names() == before);
}

TEST_CASE("a second target that is taken is told before any work") {
  TempFolder folder;
  const std::vector<Checkpoint> checkpoints = inputs(folder, 2);
  std::ofstream(folder / "out1") << "mine";
  const std::vector<std::string> before = folder.names();
  const Plan plan = in_two(weighted(0.3), checkpoints);
  CHECK_THROWS_AS(run(plan, checkpoints, targets(folder), {.sync = false}), TargetTaken);
  CHECK(folder.names() == before);
  CHECK(read_file(folder / "out1") == "mine");
}
