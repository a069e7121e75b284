// SPDX-License-Identifier: Apache-2.0
#include "core/mergekit/module_names.h"

#include <doctest/doctest.h>

#include "core/mergekit/mergekit_recipe.h"
#include "tests/core/plan/planned.h"

using namespace ckmerge;
using namespace ckmerge::test;

namespace {

std::string module(const std::string& name, const std::string& scale = "1") {
  return "  " + name + ": {models: [{model: A, parameters: {scale: " + scale + "}}]}\n";
}

MergekitMerge merge(Opened& files, const std::string& modules) {
  const MergekitFile file = parse_mergekit("merge_method: passthrough\nmodules:\n" + modules, "f.yml");
  const std::vector<MergekitModel> models = mergekit_models(file);
  return mergekit_recipe({.file = file, .models = models, .checkpoints = files.checkpoints});
}

std::string refusal(Opened& files, const std::string& modules) {
  return failure([&] { merge(files, modules); }).text;
}

void add(Opened& files, const std::vector<std::string>& names) {
  std::vector<FileTensor> tensors;
  for (const std::string& name : names) tensors.push_back(random(name, Dtype::F32, {4}, 7));
  files.add(tensors);
}

}  // namespace

TEST_CASE("modules are of names that the model has, each of its own") {
  Opened files;
  add(files, {"model.embed_tokens.w", "model.layers.0.mlp.w", "model.layers.1.mlp.w"});
  const std::string path = files.checkpoints[0].path;
  CHECK(merge(files, module("text_decoder", "0.5")).recipe.formula->text == "scale(A, alpha=0.5)");
  CHECK(merge(files, module("model.layers", "0.5")).recipe.rules.at(0).formula == "scale(A, alpha=0.5)");
  CHECK(refusal(files, module("txet_decoder")) ==
        "f.yml:3:3: 'txet_decoder' is no module of " + path + ", which has text_decoder; did you mean 'text_decoder'?");
  CHECK(refusal(files, module("text_decoder") + module("language_model")) ==
        "f.yml:4:3: 'language_model' is the language model, as is 'text_decoder' in line 3; give one of them");
  CHECK(refusal(files, module("default") + module("vision_tower"))
            .starts_with("f.yml:4:3: 'vision_tower' is no module of "));
}

TEST_CASE("what sees, and what brings it to words, are modules under any of their names") {
  Opened files;
  add(files, {"model.embed_tokens.w", "model.layers.0.mlp.w", "visual.blocks.0.w", "visual.blocks.1.w",
              "visual.merger.mlp.0.w", "visual.merger.mlp.2.w", "visual.patch.w"});
  const std::string path = files.checkpoints[0].path;
  const MergekitMerge made =
      merge(files, module("text_decoder") + module("vision_tower", "0.5") + module("multi_modal_projector", "0.25"));
  std::string weights;
  for (const WeightRule& rule : made.recipe.weights) weights += text_of(rule) + "\n";
  CHECK(weights ==
        "scale /^visual\\.patch\\.w$/=0.5\n"
        "scale /^(?:visual\\.merger\\.mlp\\.0\\.w|visual\\.merger\\.mlp\\.2\\.w)$/=0.25\n"
        "scale /^visual\\.blocks\\.(?:0|1)\\./=0.5\n");
  CHECK(refusal(files, module("vision_tower") + module("visual")) ==
        "f.yml:3:3: all that 'vision_tower' is of " + path +
            " belongs to another module of this configuration; give one of them");
  CHECK(refusal(files, module("vison_towr"))
            .ends_with("which has text_decoder, vision_tower, multi_modal_projector; did you mean 'vision_tower'?"));
}
