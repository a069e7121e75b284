// SPDX-License-Identifier: Apache-2.0
// Configurations of mergekit as they are written: all their forms, and what is wrong with them.
#include "core/mergekit/mergekit_config.h"

#include <doctest/doctest.h>

#include <string>

#include "tests/core/failure.h"

using namespace ckmerge;
using namespace ckmerge::test;

namespace {

std::string refusal(const std::string& yaml) {
  return failure([&] { static_cast<void>(parse_mergekit(yaml, "f.yml").result()); }).text;
}

std::string models_of(const MergekitConfig& config) {
  std::string out;
  for (const MergekitModel& model : config.models()) out += model.text + " ";
  return out;
}

}  // namespace

TEST_CASE("models, slices and modules are read") {
  const MergekitFile models = parse_mergekit(
      "merge_method: linear\nmodels: [{model: A, parameters: {weight: 1}}, {model: B}]\nbase_model: C\n"
      "dtype: torch.bfloat16\nout_dtype: float32\n",
      "f.yml");
  const MergekitConfig& config = models.result();
  CHECK(config.method == "linear");
  CHECK(config.dtype == "bfloat16");
  CHECK(config.out_dtype == "float32");
  CHECK(models_of(config) == "C A B ");
  CHECK(config.modules.at(0).of_models);
  CHECK(config.modules[0].slices.at(0).sources.at(0).settings.at(0).name() == "weight");

  const MergekitFile slices = parse_mergekit(
      "merge_method: passthrough\nslices:\n- sources: [{model: A, layer_range: [0, 16]}]\n"
      "- sources: [{model: A, layer_range: [8, 24]}]\n  parameters: {scale: 0.5}\n  residual_weight: 0.2\n",
      "f.yml");
  const MergekitModule& module = slices.result().modules.at(0);
  CHECK_FALSE(module.of_models);
  CHECK(module.slices.at(1).sources.at(0).layers == std::pair(8U, 24U));
  CHECK(slices.warnings.at(0) ==
        "f.yml:6: 'residual_weight' changes nothing, as in mergekit, which reads it and no more");

  const MergekitFile modules = parse_mergekit(
      "merge_method: linear\nmodules:\n  text_decoder: {slices: [{sources: [{model: A, layer_range: [0, 2]}]}]}\n"
      "  vision_tower: {models: [{model: A}, {model: B}], parameters: {weight: 1}}\n",
      "f.yml");
  CHECK(modules.result().modules.at(0).name == "text_decoder");
  CHECK(modules.result().modules.at(1).of_models);
}

TEST_CASE("a model is a text, or the map that mergekit writes") {
  const MergekitFile file = parse_mergekit(
      "merge_method: linear\nmodels:\n- model: org/name@v1+adapter\n"
      "- model: {model: {path: org/b, revision: r}, lora: ad, override_architecture: X}\n",
      "f.yml");
  CHECK(models_of(file.result()) == "org/name@v1+adapter org/b@r+ad ");
  CHECK(file.result().models().at(0).adapter() == "adapter");
}

TEST_CASE("of several documents the result is the one without a name, or which no other uses") {
  const std::string first = "name: one\nmerge_method: linear\nmodels: [{model: A}]\n---\n";
  CHECK(parse_mergekit(first + "merge_method: linear\nmodels: [{model: one}]\n", "f.yml").result().name.empty());
  CHECK(parse_mergekit(first + "name: two\nmerge_method: linear\nmodels: [{model: one}]\n", "f.yml").result().name ==
        "two");
  CHECK(refusal(first + "name: two\nmerge_method: linear\nmodels: [{model: B}]\n") ==
        "f.yml: both 'one' and 'two' are used by no other document; leave the name away of the one that is the result");
  CHECK(refusal(first + "name: one\nmerge_method: linear\nmodels: [{model: B}]\n") ==
        "f.yml:5:1: a second document is called 'one'");
}

TEST_CASE("keys and values that mergekit does not know are refused with line and column") {
  CHECK(refusal("merge_method: linear\nmodel: [{model: A}]\n") ==
        "f.yml:2:1: 'model' is unknown; did you mean 'models'?");
  CHECK(refusal("models: [{model: A}]\n") == "f.yml:1:1: 'merge_method' is missing");
  CHECK(refusal("merge_method: linear\n") == "f.yml:1:1: one of 'models', 'slices' and 'modules' says what is merged");
  CHECK(
      refusal("merge_method: linear\nmodels: [{model: A}]\nslices: [{sources: [{model: A, layer_range: [0, 1]}]}]\n") ==
      "f.yml:1:1: one of 'models', 'slices' and 'modules' says what is merged");
  CHECK(refusal("merge_method: linear\nmodels: [{model: A, layer_range: [0, 2]}]\n") ==
        "f.yml:2:21: 'layer_range' is unknown");
  CHECK(refusal("merge_method: linear\nslices: [{sources: [{model: A, layer_range: [2, 1]}]}]\n") ==
        "f.yml:2:45: 'layer_range' ends before it begins; it is [FROM, TO], without the layer TO");
  CHECK(refusal("merge_method: linear\nslices: [{sources: [{model: A, layer_range: [-1, 2]}]}]\n") ==
        "f.yml:2:46: a layer is a whole number from 0");
  CHECK(refusal("merge_method: linear\nslices: [{sources: [{model: A}]}]\n") == "f.yml:2:21: 'layer_range' is missing");
  CHECK(refusal("merge_method: linear\nmodels: [{model: A}]\ndtype: int64\n") ==
        "f.yml:3:8: the dtype is 'int64'; mergekit knows bfloat16, float16, float32 and float64");
  CHECK(refusal("merge_method: linear\nmodels: [{model: A}]\ntokenizer: {source: union}\ntokenizer_source: base\n") ==
        "f.yml:3:12: 'tokenizer' and 'tokenizer_source' say the same; give one");
  CHECK(refusal("# nothing\n") == "f.yml: is empty");
}
