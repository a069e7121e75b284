// SPDX-License-Identifier: Apache-2.0
// Runs of layers, told by names alone: of language models, of several towers, of models with an encoder and a decoder.
#include "core/names/layer_runs.h"

#include <doctest/doctest.h>

#include <initializer_list>
#include <string>

using namespace ckmerge;

namespace {

TensorTable table_of(std::initializer_list<std::string> names) {
  TensorTable table;
  for (const std::string& name : names) table.add(name, Dtype::F32, {}, 0, 0, 4, 1);
  table.sort_by_name();
  return table;
}

std::string language_prefix(std::initializer_list<std::string> names) {
  const std::vector<LayerRun> runs = layer_runs(table_of(names));
  const LayerRun* const run = language_run(runs);
  return run ? run->prefix + " " + std::to_string(run->layers) : "none";
}

}  // namespace

TEST_CASE("a run is what is numbered under one prefix; experts within a layer are none") {
  const std::vector<LayerRun> runs =
      layer_runs(table_of({"lm_head.weight", "model.embed_tokens.weight", "model.layers.0.mlp.experts.0.w1.weight",
                           "model.layers.0.mlp.experts.7.w1.weight", "model.layers.1.mlp.experts.0.w1.weight",
                           "model.layers.2.input_layernorm.weight", "model.norm.weight"}));
  REQUIRE(runs.size() == 1);
  CHECK(runs[0].prefix == "model.layers");
  CHECK(runs[0].layers == 3);
  CHECK(runs[0].tensors == 4);
}

TEST_CASE("steps of a small network are no layers") {
  CHECK(layer_runs(table_of({"visual.merger.mlp.0.weight", "visual.merger.mlp.2.weight"})).empty());
  const std::vector<LayerRun> runs = layer_runs(table_of(
      {"a.0.w", "a.1.w", "a.10.w", "a.2.w", "a.3.w", "a.4.w", "a.5.w", "a.6.w", "a.7.w", "a.8.w", "a.9.w", "b.1.w"}));
  REQUIRE(runs.size() == 1);
  CHECK(runs[0].layers == 11);
}

TEST_CASE("of several runs the language model's is told from towers and encoders") {
  CHECK(language_prefix({"model.layers.0.a", "model.layers.1.a", "visual.blocks.0.a", "visual.blocks.1.a",
                         "visual.blocks.2.a"}) == "model.layers 2");
  CHECK(language_prefix({"language_model.model.layers.0.a", "vision_tower.encoder.layers.0.a",
                         "vision_tower.encoder.layers.1.a"}) == "language_model.model.layers 1");
  CHECK(language_prefix({"decoder.block.0.a", "decoder.block.1.a", "encoder.block.0.a", "encoder.block.1.a",
                         "encoder.block.2.a"}) == "decoder.block 2");
  CHECK(language_prefix({"vision_model.encoder.layers.0.a"}) == "vision_model.encoder.layers 1");
  CHECK(language_prefix({"a.b", "c.7"}) == "none");
}

TEST_CASE("names that return to a run after another are counted to it") {
  const std::vector<LayerRun> runs = layer_runs(table_of({"m.a.0.w", "m.a.b.0.w", "m.a.b.1.w", "m.a.c.w", "m.a.1.w"}));
  REQUIRE(runs.size() == 2);
  CHECK(runs[0].prefix == "m.a");
  CHECK(runs[0].layers == 2);
  CHECK(runs[1].layers == 2);
}

TEST_CASE("a name's layer, and what comes behind all layers") {
  const auto name = name_in_run("model.layers.12.mlp.weight", "model.layers");
  REQUIRE(name.has_value());
  CHECK(name->layer == 12);
  CHECK(name->rest == "mlp.weight");
  CHECK_FALSE(name_in_run("model.layers.12", "model.layers").has_value());
  CHECK_FALSE(name_in_run("model.layers.012.w", "model.layers").has_value());
  CHECK_FALSE(name_in_run("model.layers.99999999.w", "model.layers").has_value());
  CHECK_FALSE(name_in_run("model.layersx.1.w", "model.layers").has_value());
  for (const char* const behind : {"lm_head.weight", "model.norm.weight", "transformer.ln_f.bias", "score.weight",
                                   "model.language_model.norm.weight", "gpt_neox.final_layer_norm.weight"})
    CHECK(comes_behind_layers(behind));
  for (const char* const before : {"model.embed_tokens.weight", "transformer.wpe.weight", "visual.norm.weight",
                                   "multi_modal_projector.linear_1.weight", "model.normal.weight"})
    CHECK_FALSE(comes_behind_layers(before));
}
