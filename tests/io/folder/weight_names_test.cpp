// SPDX-License-Identifier: Apache-2.0
#include "io/folder/weight_names.h"

#include <doctest/doctest.h>

#include <string>

#include "io/text/sentence.h"

using namespace ckmerge;

namespace {

// "STEM VARIANT NUMBER/OF EXTENSION", an index marked by a star.
std::string told(std::string_view file) {
  const std::optional<WeightName> name = weight_name(file);
  if (!name) return "none";
  return sentence(name->stem, " ", name->variant.empty() ? "-" : name->variant, " ", name->number, "/", name->of, " ",
                  name->extension, name->is_index ? "*" : "");
}

}  // namespace

TEST_CASE("files of weights are told by their names") {
  CHECK(told("model.safetensors") == "model - 0/0 .safetensors");
  CHECK(told("model-00001-of-00003.safetensors") == "model - 1/3 .safetensors");
  CHECK(told("model.safetensors.index.json") == "model - 0/0 .safetensors*");
  CHECK(told("pytorch_model-00002-of-00002.bin") == "pytorch_model - 2/2 .bin");
  CHECK(told("pytorch_model.bin.index.json") == "pytorch_model - 0/0 .bin*");
  CHECK(told("flux1-dev.safetensors") == "flux1-dev - 0/0 .safetensors");
  CHECK(told("consolidated-00001-of-00005.safetensors") == "consolidated - 1/5 .safetensors");
}

TEST_CASE("a variant stands on either side of a shard's number") {
  CHECK(told("model.fp16.safetensors") == "model fp16 0/0 .safetensors");
  CHECK(told("diffusion_pytorch_model.fp16-00001-of-00002.safetensors") ==
        "diffusion_pytorch_model fp16 1/2 .safetensors");
  CHECK(told("diffusion_pytorch_model-00001-of-00002.fp16.safetensors") ==
        "diffusion_pytorch_model fp16 1/2 .safetensors");
  CHECK(told("diffusion_pytorch_model.safetensors.index.fp16.json") ==
        "diffusion_pytorch_model fp16 0/0 .safetensors*");
  CHECK(told("dream.fp16.safetensors") == "dream fp16 0/0 .safetensors");
  CHECK(told("dream.v2.safetensors") == "dream.v2 - 0/0 .safetensors");
}

TEST_CASE("what is called otherwise is no file of weights, or has no number") {
  for (const char* file :
       {"config.json", "model.json", "model", ".safetensors", "model.index.json", "vocab.index.json"})
    CHECK(told(file) == "none");
  CHECK(told("model-00004-of-00003.safetensors") == "model-00004-of-00003 - 0/0 .safetensors");
  CHECK(told("model-00000-of-00003.safetensors") == "model-00000-of-00003 - 0/0 .safetensors");
  CHECK(told("a-1-of-2.safetensors") == "a-1-of-2 - 0/0 .safetensors");
  CHECK(told("-00001-of-00002.safetensors") == "-00001-of-00002 - 0/0 .safetensors");
}
