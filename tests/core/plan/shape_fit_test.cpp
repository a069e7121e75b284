// SPDX-License-Identifier: Apache-2.0
// Which tensors of other shapes are merged in the channels that all have.
#include <doctest/doctest.h>

#include "tests/core/merge_runs.h"
#include "tests/core/plan/planned.h"

using namespace ckmerge;
using namespace ckmerge::test;

namespace {

struct Pair {
  const char* name;
  std::vector<uint64_t> wide, narrow;
};

struct Files : Opened {
  explicit Files(const Pair& pair, bool swapped = false) {
    add({random(pair.name, Dtype::F16, swapped ? pair.narrow : pair.wide, 1), random("z", Dtype::F16, {3}, 2)});
    add({random(pair.name, Dtype::F16, swapped ? pair.wide : pair.narrow, 3), random("z", Dtype::F16, {3}, 4)});
  }
};

// Flux Fill, Flux Canny, Wan I2V, Wan Fun Control, HunyuanVideo I2V, CogVideoX I2V, SD 2 depth, the x4 upscaler.
const Pair kKnown[] = {
    {"model.diffusion_model.img_in.weight", {6, 384}, {6, 64}},
    {"x_embedder.weight", {6, 128}, {6, 64}},
    {"patch_embedding.weight", {5, 36, 1, 2, 2}, {5, 16, 1, 2, 2}},
    {"model.diffusion_model.patch_embedding.weight", {5, 52, 1, 2, 2}, {5, 48, 1, 2, 2}},
    {"img_in.proj.weight", {5, 33, 1, 2, 2}, {5, 16, 1, 2, 2}},
    {"transformer.patch_embed.proj.weight", {5, 32, 2, 2}, {5, 16, 2, 2}},
    {"model.diffusion_model.input_blocks.0.0.weight", {5, 5, 3, 3}, {5, 4, 3, 3}},
    {"unet.conv_in.weight", {5, 7, 3, 3}, {5, 4, 3, 3}},
    {"anything", {5, 9, 3, 3}, {5, 4, 3, 3}},
};

// Another width of latents, a VAE's own layers, a layer that only ends alike, a matrix within.
const Pair kUnknown[] = {
    {"img_in.weight", {6, 384}, {6, 65}},
    {"first_stage_model.decoder.conv_in.weight", {5, 16, 3, 3}, {5, 4, 3, 3}},
    {"encoder.conv_in.weight", {5, 16, 3, 3}, {5, 4, 3, 3}},
    {"timg_in.weight", {6, 384}, {6, 64}},
    {"double_blocks.0.img_attn.qkv.weight", {6, 384}, {6, 64}},
};

}  // namespace

TEST_CASE("the first layers of models that see more than latents are merged in the channels of the latents") {
  for (const Pair& pair : kKnown) {
    INFO(std::string(pair.name));
    const Files files(pair);
    const Plan plan = files.plan(weighted(0.3));
    CHECK(step_of(plan, files, pair.name).action == Action::expand);
    CHECK(plan.kind.inpainting == (pair.wide[1] == 9));
    CHECK_FALSE(plan.kind.instruct_pix2pix);
    CHECK(Files(pair, true).fault(weighted(0.3)).details.at(0).find("swap them") != std::string::npos);
  }
}

TEST_CASE("what is not known to begin with the others' channels is refused, and --first-channels says that it does") {
  for (const Pair& pair : kUnknown) {
    INFO(std::string(pair.name));
    const Files files(pair);
    const std::string line = files.fault(weighted(0.3)).details.at(0);
    CHECK(line.find("--first-channels") != std::string::npos);
    Recipe recipe = weighted(0.3);
    recipe.first_channels = {pair.name};
    CHECK(step_of(files.plan(recipe), files, pair.name).action == Action::expand);
  }
  const Files none({"w.weight", {5, 9, 3, 3}, {5, 0, 3, 3}});  // which it would not help
  CHECK(none.fault(weighted(0.3)).details.at(0).find("--first-channels") == std::string::npos);
  Recipe recipe = weighted(0.3);
  recipe.first_channels = {"nowhere"};
  CHECK(Files(kKnown[0]).fault(recipe).text.find("--first-channels 'nowhere' matches no tensor name") !=
        std::string::npos);
}

TEST_CASE("channels beyond those of the others stay A's to the bit, whatever their number") {
  TempFolder folder;
  const FileTensor wide = random("img_in.weight", Dtype::BF16, {7, 384}, 1);
  const FileTensor narrow = random("img_in.weight", Dtype::BF16, {7, 64}, 2);
  FileTensor head = narrow;  // A's first 64 columns
  head.bytes.clear();
  for (size_t row = 0; row < 7; ++row) head.bytes += wide.bytes.substr(row * 768, 128);
  const auto a = write_file(folder / "A", {wide}), b = write_file(folder / "B", {narrow});
  const auto c = write_file(folder / "C", {head});
  merge(weighted(0.3), {a, b}, folder / "out");
  merge(weighted(0.3), {c, b}, folder / "heads");
  const std::string out = tensor_bytes(folder / "out", "img_in.weight");
  const std::string heads = tensor_bytes(folder / "heads", "img_in.weight");
  for (size_t row = 0; row < 7; ++row) {
    CHECK(out.substr(row * 768, 128) == heads.substr(row * 128, 128));
    CHECK(out.substr(row * 768 + 128, 640) == wide.bytes.substr(row * 768 + 128, 640));
  }
}
