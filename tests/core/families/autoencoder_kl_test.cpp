// SPDX-License-Identifier: Apache-2.0
// Forms of AutoencoderKL that no converter makes any more, and that files have: the oldest folders' names of attention,
// its matrices in three dimensions, convolutions with time.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "core/families/told_component.h"
#include "core/layouts/rewriting.h"
#include "tests/core/layouts/traced_table.h"

using namespace ckmerge;
using namespace ckmerge::test;

namespace {

using Strings = std::vector<std::string>;
using Dimensions = std::vector<uint64_t>;

// What tells the family, and a convolution.
TracedTable vae(const std::string& resnet, const std::string& other, const Dimensions& convolution) {
  TracedTable table;
  table.add(resnet + "conv1.weight", convolution);
  table.add(resnet + "norm1.weight", {4});
  table.add(other + "conv1.weight", convolution);
  table.add(resnet.starts_with("decoder.mid_block") ? "decoder.conv_norm_out.weight" : "decoder.norm_out.weight", {4});
  return table;
}

TracedTable right_vae(const Dimensions& convolution) {
  return vae("decoder.mid_block.resnets.0.", "decoder.up_blocks.0.resnets.0.", convolution);
}

Dimensions shape_of(const Checkpoint& checkpoint, const std::string& name) {
  const size_t row = checkpoint.tensors.find(name);
  REQUIRE(row != TensorTable::npos);
  const Shape shape = checkpoint.tensors[row].shape;
  return {shape.begin(), shape.end()};
}

Rewriting rewritten(Checkpoint& checkpoint) {
  const std::vector<ToldComponent> told = told_components(checkpoint.tensors);
  REQUIRE(told.size() == 1);
  const ToldComponent& vae = told[0];
  CHECK(std::string(vae.family->name) == "autoencoder-kl");
  const LayoutRules rules = vae.family->rules(ComponentNames(checkpoint.tensors, vae.prefix), vae.is_left);
  return rewrite(checkpoint, rules, vae.is_left ? Direction::to_right : Direction::to_left, vae.prefix, vae.prefix);
}

}  // namespace

TEST_CASE("the oldest folders' attention becomes the original's") {
  TracedTable table = right_vae({4, 4, 3, 3});
  for (const char* module : {"query", "key", "value", "proj_attn"}) {
    table.add(std::string("decoder.mid_block.attentions.0.") + module + ".weight", {4, 4});
    table.add(std::string("decoder.mid_block.attentions.0.") + module + ".bias", {4});
  }
  Checkpoint checkpoint = table.checkpoint();
  CHECK(rewritten(checkpoint).carried == Strings{});
  for (const char* module : {"q", "k", "v", "proj_out"}) {
    CHECK(shape_of(checkpoint, std::string("decoder.mid.attn_1.") + module + ".weight") == Dimensions{4, 4, 1, 1});
    CHECK(shape_of(checkpoint, std::string("decoder.mid.attn_1.") + module + ".bias") == Dimensions{4});
  }
}

TEST_CASE("matrices of attention have ones behind them for each dimension of the file's convolutions") {
  TracedTable table = right_vae({4, 4, 3, 3, 3});
  table.add("decoder.mid_block.attentions.0.to_q.weight", {4, 4});
  table.add("decoder.up_blocks.0.resnets.0.conv_shortcut.weight", {4, 2, 1, 1, 1});
  Checkpoint checkpoint = table.checkpoint();
  CHECK(rewritten(checkpoint).carried == Strings{});
  CHECK(shape_of(checkpoint, "decoder.mid.attn_1.q.weight") == Dimensions{4, 4, 1, 1, 1});
  CHECK(shape_of(checkpoint, "decoder.up.0.block.0.nin_shortcut.weight") == Dimensions{4, 2, 1, 1, 1});
}

TEST_CASE("matrices of attention in three dimensions become plain ones, and no other convolution of one point does") {
  TracedTable table = vae("decoder.mid.block_1.", "decoder.up.0.block.0.", {4, 4, 3, 3});
  table.add("decoder.mid.attn_1.q.weight", {4, 4, 1});
  table.add("post_quant_conv.weight", {2, 2, 1, 1});
  Checkpoint checkpoint = table.checkpoint();
  CHECK(rewritten(checkpoint).carried == Strings{});
  CHECK(shape_of(checkpoint, "decoder.mid_block.attentions.0.to_q.weight") == Dimensions{4, 4});
  CHECK(shape_of(checkpoint, "post_quant_conv.weight") == Dimensions{2, 2, 1, 1});
}

TEST_CASE("a VAE without its deepest level has its blocks counted by the encoder, which shows that there is one") {
  TracedTable table = vae("decoder.mid.block_1.", "decoder.up.0.block.0.", {4, 4, 3, 3});
  for (const char* level : {"0", "1", "2"}) {
    table.add(std::string("encoder.down.") + level + ".downsample.conv.weight", {4, 4, 3, 3});
    if (level[0] != '0') table.add(std::string("decoder.up.") + level + ".block.0.conv1.weight", {4, 4, 3, 3});
  }
  Checkpoint checkpoint = table.checkpoint();
  CHECK(rewritten(checkpoint).carried == Strings{});
  CHECK(shape_of(checkpoint, "decoder.up_blocks.3.resnets.0.conv1.weight").size() == 4);
  CHECK(shape_of(checkpoint, "decoder.up_blocks.1.resnets.0.conv1.weight").size() == 4);
  CHECK(checkpoint.tensors.find("decoder.up_blocks.0.resnets.0.conv1.weight") == TensorTable::npos);
}

TEST_CASE("a decoder alone is told, and its blocks are counted by themselves") {
  TracedTable left = vae("decoder.mid.block_1.", "decoder.up.0.block.0.", {4, 4, 3, 3});
  left.add("decoder.up.1.upsample.conv.weight", {4, 4, 3, 3});
  Checkpoint checkpoint = left.checkpoint();
  CHECK(rewritten(checkpoint).carried == Strings{});
  CHECK(shape_of(checkpoint, "decoder.up_blocks.0.upsamplers.0.conv.weight").size() == 4);
  // One that makes pictures larger is not the last.
  TracedTable right = right_vae({4, 4, 3, 3});
  right.add("decoder.up_blocks.2.upsamplers.0.conv.weight", {4, 4, 3, 3});
  checkpoint = right.checkpoint();
  CHECK(rewritten(checkpoint).carried == Strings{});
  CHECK(shape_of(checkpoint, "decoder.up.1.upsample.conv.weight").size() == 4);
}
