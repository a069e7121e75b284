// SPDX-License-Identifier: Apache-2.0
#include "core/folders/sharding.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>

#include "core/engine/run.h"
#include "tests/core/plan/planned.h"

using namespace ckmerge;
using namespace ckmerge::test;

namespace {

using Names = std::vector<std::vector<std::string>>;

// A checkpoint of F32 tensors of so many elements.
struct WithSizes : Opened {
  explicit WithSizes(const std::vector<std::pair<std::string, uint64_t>>& counts) {
    std::vector<FileTensor> tensors;
    for (const auto& [name, count] : counts) tensors.push_back(random(name, Dtype::F32, {count}, 1));
    add(tensors);
  }
};

Plan copied(const Opened& opened) { return opened.plan({.method = "copy"}); }

// The names in each file, as the files call them, sorted.
Names names_in_files(const Plan& plan, const Opened& opened) {
  Names files;
  for (const PlannedFile& file : plan.files) {
    std::vector<std::string>& names = files.emplace_back();
    for (const Step& step : plan.steps_of(file)) names.emplace_back(file.name_in_file(opened.name(step.named)));
    std::ranges::sort(names);
  }
  return files;
}

Names split(const Opened& opened, uint64_t shard_size, const std::vector<ShardedComponent>& components = {{}}) {
  Plan plan = copied(opened);
  shard(plan, opened.checkpoints, components, shard_size);
  return names_in_files(plan, opened);
}

}  // namespace

TEST_CASE("what fits is one file without a number, and has no index") {
  const WithSizes opened({{"a", 4}, {"b", 4}});
  Plan plan = copied(opened);
  const ShardedComponent component;
  const ShardedFiles files = shard(plan, opened.checkpoints, {&component, 1}, 32);
  REQUIRE(files.files.size() == 1);
  CHECK(files.files[0].weights == "model.safetensors");
  CHECK(files.indexes.empty());
  CHECK(files.files[0].dtype == Dtype::F32);
}

TEST_CASE("tensors share a file in the order of their names, numbers compared as numbers") {
  const WithSizes opened({{"layers.1.w", 2}, {"layers.2.w", 2}, {"layers.10.w", 2}, {"norm", 1}, {"embed", 1}});
  CHECK(split(opened, 20) == Names{{"embed", "layers.1.w", "layers.2.w"}, {"layers.10.w", "norm"}});
  CHECK(split(opened, 12) == Names{{"embed", "layers.1.w"}, {"layers.2.w"}, {"layers.10.w", "norm"}});
}

TEST_CASE("numbers with zeros in front, and of more digits than any machine's, are compared as numbers") {
  const std::string large(40, '9');
  const WithSizes opened({{"x.010.w", 1}, {"x.9.w", 1}, {"x." + large + ".w", 1}, {"x.1" + large + ".w", 1}});
  CHECK(split(opened, 4) == Names{{"x.9.w"}, {"x.010.w"}, {"x." + large + ".w"}, {"x.1" + large + ".w"}});
}

TEST_CASE("a tensor larger than a file has one by itself") {
  const WithSizes opened({{"a", 1}, {"b", 100}, {"c", 1}, {"d", 1}});
  CHECK(split(opened, 8) == Names{{"a"}, {"b"}, {"c", "d"}});
  CHECK(split(opened, 1) == Names{{"a"}, {"b"}, {"c"}, {"d"}});
}

TEST_CASE("tensors without elements take no room") {
  const WithSizes opened({{"a", 2}, {"b", 0}, {"c", 2}, {"d", 0}});
  CHECK(split(opened, 8) == Names{{"a", "b"}, {"c", "d"}});
}

TEST_CASE("components have files of their own, whose names lack the component's") {
  const WithSizes opened({{"unet.a", 2}, {"unet.b", 2}, {"vae.a", 2}});
  const std::vector<ShardedComponent> components = {{.folder = "unet",
                                                     .prefix = "unet.",
                                                     .stem = "diffusion_pytorch_model",
                                                     .variant = "fp16",
                                                     .counts_parameters = false},
                                                    {.folder = "vae", .prefix = "vae."}};
  Plan plan = copied(opened);
  const ShardedFiles files = shard(plan, opened.checkpoints, components, 8);
  REQUIRE(files.files.size() == 3);
  CHECK(files.files[0].weights == "unet/diffusion_pytorch_model.fp16-00001-of-00002.safetensors");
  CHECK(files.files[1].weights == "unet/diffusion_pytorch_model.fp16-00002-of-00002.safetensors");
  CHECK(files.files[2].weights == "vae/model.safetensors");
  CHECK(names_in_files(plan, opened) == Names{{"a"}, {"b"}, {"a"}});
  REQUIRE(files.indexes.size() == 1);
  CHECK(files.indexes[0].path == "unet/diffusion_pytorch_model.safetensors.index.fp16.json");
  CHECK(index_text(plan, opened.checkpoints, files.files, files.indexes[0]) == R"({
  "metadata": {
    "total_size": 16
  },
  "weight_map": {
    "a": "diffusion_pytorch_model.fp16-00001-of-00002.safetensors",
    "b": "diffusion_pytorch_model.fp16-00002-of-00002.safetensors"
  }
}
)");
}

TEST_CASE("the first file says how the result was made, the others the format alone") {
  const WithSizes opened({{"a", 2}, {"b", 2}, {"c", 2}});
  Plan plan = copied(opened);
  const ShardedComponent component;
  const ShardedFiles files = shard(plan, opened.checkpoints, {&component, 1}, 8);
  REQUIRE(plan.files.size() == 3);
  CHECK(plan.files[0].header.find("ckmerge.recipe") != std::string::npos);
  for (size_t k = 1; k < 3; ++k) {
    CHECK(plan.files[k].header.find("ckmerge.recipe") == std::string::npos);
    CHECK(plan.files[k].header.find(R"("__metadata__":{"format":"pt"})") != std::string::npos);
  }
  const std::string index = index_text(plan, opened.checkpoints, files.files, files.indexes[0]);
  CHECK(index.find("\"total_parameters\": 6,\n    \"total_size\": 24\n") != std::string::npos);
}

TEST_CASE("files that were made are made again by the size that they show") {
  for (const uint64_t size : {1, 8, 12, 16, 20, 24, 32, 48, 200}) {
    const WithSizes opened({{"a", 1}, {"b", 2}, {"c", 8}, {"d", 1}, {"e", 1}, {"f", 3}, {"g", 2}});
    const TempFolder folder;
    Plan plan = copied(opened);
    const ShardedComponent component;
    const ShardedFiles files = shard(plan, opened.checkpoints, {&component, 1}, size);
    const Names made = names_in_files(plan, opened);
    std::vector<std::string> targets;
    for (const FolderFile& file : files.files) targets.push_back(folder / file.weights);
    run(plan, opened.checkpoints, targets, {.sync = false});
    for (const ShardIndex& index : files.indexes)
      std::ofstream(folder / index.path) << index_text(plan, opened.checkpoints, files.files, index);
    CHECK(split(opened, shard_size_of(open_checkpoint(folder / "."))) == made);
  }
}

TEST_CASE("shards are numbered with five digits, or more where these are not enough") {
  const ShardedComponent component;
  CHECK(weights_path(component, 7, 12) == "model-00007-of-00012.safetensors");
  CHECK(weights_path(component, 100000, 123456) == "model-100000-of-123456.safetensors");
}
