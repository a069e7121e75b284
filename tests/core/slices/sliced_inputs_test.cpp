// SPDX-License-Identifier: Apache-2.0
// Operands made of slices: layers numbered anew, what lies before and behind them, the same bytes as of files that were
// put together so.
#include "core/slices/sliced_inputs.h"

#include <doctest/doctest.h>

#include "core/engine/run.h"
#include "core/inputs/input_names.h"
#include "tests/core/plan/planned.h"

using namespace ckmerge;
using namespace ckmerge::test;

namespace {

using Names = std::vector<std::string>;

// A model of so many layers, all of whose values tell where they are from.
std::vector<FileTensor> model(uint64_t seed, int layers, const std::string& prefix = "model.layers.") {
  std::vector<FileTensor> tensors = {random("model.embed_tokens.weight", Dtype::BF16, {6, 4}, seed),
                                     random("model.norm.weight", Dtype::BF16, {4}, seed + 1)};
  for (int layer = 0; layer < layers; ++layer)
    tensors.push_back(random(prefix + std::to_string(layer) + ".w", Dtype::BF16, {4, 3}, seed + 100 + layer));
  return tensors;
}

Names names_of(const Checkpoint& checkpoint) {
  Names names;
  for (size_t i = 0; i < checkpoint.tensors.size(); ++i) names.emplace_back(checkpoint.tensors.name(i));
  return names;
}

std::string merged(Opened& files, const Recipe& recipe, const std::string& path) {
  slice_inputs(recipe, files.checkpoints);
  run(make_plan(recipe, files.checkpoints), files.checkpoints, path, {});
  return read_file(path);
}

}  // namespace

TEST_CASE("an operand has the layers of its slices, the first one's embeddings and the last one's norm") {
  Opened files;
  files.add(model(1, 3));
  files.add(model(2, 4));
  const Recipe recipe{.operands = {{{.input = 1, .begin = 0, .end = 2}, {.input = 0, .begin = 1, .end = 3}}}};
  const std::vector<SlicedRun> runs = slice_inputs(recipe, files.checkpoints);
  REQUIRE(runs.size() == 1);
  CHECK(runs[0].prefix == "model.layers");
  CHECK(runs[0].layers == std::vector<uint32_t>{0, 1, 1, 2});
  CHECK(names_of(files.checkpoints[0]) == Names{"model.embed_tokens.weight", "model.layers.0.w", "model.layers.1.w",
                                                "model.layers.2.w", "model.layers.3.w", "model.norm.weight"});
  CHECK(files.checkpoints[0].shards.size() == 2);
  CHECK(files.checkpoints[0].own_shards().size() == 1);
  const auto file_of = [&](size_t i) {
    return files.checkpoints[0].shards[files.checkpoints[0].tensors[i].shard].path();
  };
  CHECK(file_of(0) == files.checkpoints[1].path);
  CHECK(file_of(1) == files.checkpoints[1].path);
  CHECK(file_of(3) == files.checkpoints[0].path);
  CHECK(file_of(5) == files.checkpoints[0].path);
  CHECK(files.checkpoints[1].tensors.size() == 0);
}

TEST_CASE("slices merge to the bytes of files that were put together so") {
  TempFolder folder;
  const std::vector<FileTensor> a = model(1, 3), b = model(2, 3);
  const auto layer = [](FileTensor tensor, int number) {
    tensor.name = "model.layers." + std::to_string(number) + ".w";
    return tensor;
  };
  Opened put_together;
  put_together.add({a[0], layer(a[2], 0), layer(a[3], 1), layer(b[3], 2), layer(a[4], 3), a[1]});
  put_together.add({b[0], layer(b[2], 0), layer(b[3], 1), layer(a[4], 2), layer(b[4], 3), b[1]});
  Opened sliced;
  sliced.add(a);
  sliced.add(b);
  const Recipe plain{.method = "slerp", .parameters = {{"t", {0.3}}}, .metadata = MetadataPolicy::none};
  Recipe recipe = plain;
  recipe.operands = {
      {{.input = 0, .begin = 0, .end = 2}, {.input = 1, .begin = 1, .end = 2}, {.input = 0, .begin = 2, .end = 3}},
      {{.input = 1, .begin = 0, .end = 2}, {.input = 0, .begin = 2, .end = 3}, {.input = 1, .begin = 2, .end = 3}}};
  const std::string expected = merged(put_together, plain, folder / "expected.safetensors");
  CHECK(merged(sliced, recipe, folder / "sliced.safetensors") == expected);
}

TEST_CASE("an empty slice says where what lies around the layers is from") {
  Opened files;
  files.add(model(1, 2));
  files.add(model(2, 2));
  const Recipe recipe{.operands = {{{.input = 1}, {.input = 0, .begin = 0, .end = 1}, {.input = 1}}}};
  slice_inputs(recipe, files.checkpoints);
  const Checkpoint& operand = files.checkpoints[0];
  CHECK(operand.tensors.size() == 3);
  CHECK(operand.shards[operand.tensors[0].shard].path() == files.checkpoints[1].path);
  CHECK(operand.shards[operand.tensors[1].shard].path() == operand.path);
  CHECK(operand.shards[operand.tensors[2].shard].path() == files.checkpoints[1].path);
}

TEST_CASE("slices of another prefix take the first checkpoint's; other runs stay whole") {
  Opened files;
  std::vector<FileTensor> a = model(1, 2), b = model(2, 2, "model.language_model.layers.");
  a.push_back(random("visual.blocks.0.w", Dtype::BF16, {2}, 7));
  files.add(a);
  files.add(b);
  const Recipe recipe{.operands = {{{.input = 0, .begin = 0, .end = 1}, {.input = 1, .begin = 0, .end = 2}}}};
  slice_inputs(recipe, files.checkpoints);
  CHECK(names_of(files.checkpoints[0]) == Names{"model.embed_tokens.weight", "model.layers.0.w", "model.layers.1.w",
                                                "model.layers.2.w", "model.norm.weight", "visual.blocks.0.w"});
}

TEST_CASE("a slice of layers that an input lacks is refused with their number") {
  Opened files;
  files.add(model(1, 2));
  const std::string& path = files.checkpoints[0].path;
  const auto refusal = [&](const Slice& slice) -> std::string {
    try {
      std::vector<Checkpoint> checkpoints = {files.checkpoints[0]};
      slice_inputs({.operands = {{slice}}}, checkpoints);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  CHECK(refusal({.input = 0, .begin = 1, .end = 3}) ==
        path + ": has 2 layers (model.layers), but a slice is of 1 to 2");
  CHECK(refusal({.input = 0, .run = "visual.blocks", .begin = 0, .end = 1}) ==
        path + ": has no layers 'visual.blocks', of which a slice is; it has model.layers");
}
