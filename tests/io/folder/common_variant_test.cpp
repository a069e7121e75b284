// SPDX-License-Identifier: Apache-2.0
#include "io/folder/common_variant.h"

#include <doctest/doctest.h>

#include "io/folder/pipeline_index.h"
#include "io/text/error.h"

using namespace ckmerge;

TEST_CASE("plain weights come first where every component has them") {
  CHECK(common_variant({}, "a").empty());
  CHECK(common_variant({{"unet", {"", "fp16"}}, {"vae", {""}}}, "a").empty());
}

TEST_CASE("else a variant that all have, or stand in for with plain files") {
  CHECK(common_variant({{"unet", {"", "fp16"}}, {"vae", {"fp16"}}}, "a") == "fp16");
  CHECK(common_variant({{"unet", {"bf16", "fp16"}}, {"vae", {"", "fp16"}}}, "a") == "fp16");
  CHECK(common_variant({{"unet", {"bf16", "fp16"}}, {"vae", {""}}}, "a") == "bf16");
  CHECK(common_variant({{"safety_checker", {""}}, {"unet", {"fp16"}}}, "a") == "fp16");
}

TEST_CASE("components in different variants alone are refused") {
  CHECK_THROWS_WITH_AS(common_variant({{"text_encoder", {""}}, {"unet", {"fp16"}}, {"vae", {"bf16"}}}, "a"),
                       "a: its components have weights in different variants alone (unet as fp16, vae as bf16), which "
                       "no loader reads together; complete the download of one variant, or name a component by its "
                       "sub-folder",
                       Error);
}

TEST_CASE("entries of a pipeline's index are replaced or added, all else stays") {
  const PipelineIndex index{
      .class_name = "P",
      .entries = {},
      .text = R"({"_class_name": "P", "size": 1.50, "unet": ["diffusers", "U"], "vae": ["diffusers", "V"]})"};
  CHECK(index.with({}) == index.text);
  const std::vector<PipelineIndex::Entry> changed{{.component = "vae", .class_name = {}, .library = {}},
                                                  {.component = "movq", .class_name = "M", .library = "diffusers"}};
  const std::string text = index.with(changed);
  CHECK(text.find("1.50") != std::string::npos);
  CHECK(text.find("null") != std::string::npos);
  CHECK(text.find("\"movq\"") != std::string::npos);
  CHECK(text.find("\"V\"") == std::string::npos);
}
