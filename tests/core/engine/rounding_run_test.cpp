// SPDX-License-Identifier: Apache-2.0
// Stochastic rounding of whole files: the same bytes however they are made, and those that other machines and earlier
// versions gave; what it leaves alone.
#include <doctest/doctest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "tests/core/merge_runs.h"
#include "tests/core/plan/planned.h"

using namespace ckmerge;
using namespace ckmerge::test;

namespace {

uint64_t digest(const std::string& bytes) {  // FNV-1a
  uint64_t hash = 0xcbf29ce484222325;
  for (const char byte : bytes) hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001b3;
  return hash;
}

Recipe drawn(Recipe recipe, std::optional<Dtype> dtype, std::optional<uint64_t> seed = {}) {
  recipe.dtype = dtype;
  recipe.rounding = RoundingPolicy::stochastic;
  recipe.seed = seed;
  recipe.metadata = MetadataPolicy::none;
  return recipe;
}

Recipe with_adapter(Recipe recipe) {
  recipe.adapters.resize(1);
  return recipe;
}

struct Files {
  Files() = default;
  explicit Files(const std::vector<std::vector<FileTensor>>& files) {
    for (const std::vector<FileTensor>& tensors : files) add(tensors);
  }

  TempFolder folder;
  std::vector<std::string> paths;

  void add(const std::vector<FileTensor>& tensors) {
    paths.push_back(write_file(folder / ("f" + std::to_string(paths.size()) + ".safetensors"), tensors));
  }
  std::string merged(const Recipe& recipe) {
    const std::string target = folder / "out.safetensors";
    merge(recipe, paths, target, {.replace = true, .sync = false});
    return read_file(target);
  }
};

// A checkpoint and an adapter.
std::vector<std::vector<FileTensor>> bakeable() {
  return {{random("x", Dtype::F16, {71, 401}, 1), random("y", Dtype::BF16, {40, 33}, 2),
           random("z", Dtype::F64, {1003}, 3), random("u", Dtype::F8_E4M3, {77}, 4)},
          {random("x", Dtype::F32, {71, 401}, 5), random("z", Dtype::F32, {1003}, 6)}};
}

}  // namespace

TEST_CASE("a bake that is rounded stochastically is the same file however it is made, and as it was") {
  struct Row {
    Dtype dtype;
    uint64_t digest;
  };
  for (const Row& row : {Row{Dtype::F8_E4M3, 0xbd24054b0ce75b49}, Row{Dtype::F8_E5M2, 0x64b675761b24366e},
                         Row{Dtype::BF16, 0xc110aec8ae4bb956}, Row{Dtype::F16, 0x24ed8ce9dd4ffbfc}}) {
    Files files(bakeable());
    const uint64_t found =
        digest(merge_every_way(drawn(with_adapter(copied()), row.dtype, 5), files.paths, files.folder));
    CHECK_MESSAGE(found == row.digest, std::string(info(row.dtype).name) << " " << found);
  }
}

TEST_CASE("merges of many checkpoints, and of rows that are cut in two, are the same however they are made") {
  Files many;
  for (uint64_t k = 0; k < 10; ++k) many.add({random("x", Dtype::F32, {71, 401}, k + 1)});
  merge_every_way(drawn({.method = "linear"}, Dtype::F8_E5M2), many.paths, many.folder);
  Files cut;
  cut.add({random("input_blocks.0.0.weight", Dtype::F32, {64, 9, 3, 3}, 1)});
  cut.add({random("input_blocks.0.0.weight", Dtype::F32, {64, 4, 3, 3}, 2)});
  merge_every_way(drawn(weighted(0.3), Dtype::BF16), cut.paths, cut.folder);
}

TEST_CASE("a seed is other bytes, the same seed the same, and no seed is seed 0") {
  Files files(bakeable());
  const Recipe recipe = with_adapter(copied());
  CHECK(files.merged(drawn(recipe, Dtype::F8_E4M3, 1)) == files.merged(drawn(recipe, Dtype::F8_E4M3, 1)));
  CHECK(files.merged(drawn(recipe, Dtype::F8_E4M3, 1)) != files.merged(drawn(recipe, Dtype::F8_E4M3, 2)));
  CHECK(files.merged(drawn(recipe, Dtype::F8_E4M3)) == files.merged(drawn(recipe, Dtype::F8_E4M3, 0)));
}

TEST_CASE("tensors of one value are drawn each by its own name") {
  Files files;
  files.add({f32("a", {1000}, std::vector<float>(1000, 0.3F)), f32("b", {1000}, std::vector<float>(1000, 0.3F))});
  files.merged(drawn(copied(), Dtype::F8_E4M3));
  CHECK(tensor_bytes(files.folder / "out.safetensors", "a") != tensor_bytes(files.folder / "out.safetensors", "b"));
}

TEST_CASE("copies and values that the dtype holds stay as they are") {
  Files files(bakeable());
  const Recipe recipe = drawn(with_adapter(copied()), std::nullopt);
  files.merged(recipe);
  for (const char* const name : {"y", "u"})
    CHECK(tensor_bytes(files.folder / "out.safetensors", name) == tensor_bytes(files.paths[0], name));
  Files narrow;
  narrow.add({random("u", Dtype::F8_E4M3, {500}, 4)});
  narrow.merged(drawn(copied(), Dtype::F16));
  const std::string drawn_bytes = tensor_bytes(narrow.folder / "out.safetensors", "u");
  narrow.merged(plain(copied(Dtype::F16)));
  CHECK(tensor_bytes(narrow.folder / "out.safetensors", "u") == drawn_bytes);
}

TEST_CASE("a plan records the seed, and says where nothing is rounded") {
  Files files(bakeable());
  const auto plan = [&](Recipe recipe) { return make_plan(recipe, open_all(files.paths)); };
  const auto warns = [](const Plan& plan) {
    return std::ranges::any_of(plan.warnings, [](const std::string& text) {
      return text.find("nothing is rounded stochastically") != std::string::npos;
    });
  };
  CHECK(plan(drawn(with_adapter(copied()), Dtype::BF16)).recipe.seed == 0);
  CHECK(plan(drawn(with_adapter(copied()), Dtype::BF16, 3)).recipe.seed == 3);
  Recipe nearest = drawn(with_adapter(copied()), Dtype::BF16, 3);
  nearest.rounding = RoundingPolicy::nearest;
  CHECK(!plan(nearest).recipe.seed);
  CHECK(!warns(plan(drawn(with_adapter(copied()), Dtype::BF16))));
  CHECK(warns(plan(drawn(with_adapter(copied()), Dtype::F32))));
}
