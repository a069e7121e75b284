// SPDX-License-Identifier: Apache-2.0
#include "io/hash/checkpoint_names.h"

#include <doctest/doctest.h>

using namespace ckmerge;

TEST_CASE("names as A1111 makes them") {
  const std::string sha256 = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
  const CheckpointNames names = checkpoint_names("sub/my.model.safetensors", "deadbeef", sha256);
  CHECK(names.name_for_extra == "my.model");
  CHECK(names.model_name == "sub_my.model");
  CHECK(names.short_hash == "0123456789");
  CHECK(names.title == "sub/my.model.safetensors [0123456789]");
  CHECK(names.short_title == "my.model [0123456789]");
  CHECK(names.aliases == std::vector<std::string>{"deadbeef", "sub_my.model", "sub/my.model.safetensors [0123456789]",
                                                  "sub/my.model.safetensors", "my.model",
                                                  "sub/my.model.safetensors [deadbeef]", "0123456789", sha256,
                                                  "my.model [0123456789]"});
}

TEST_CASE("without hashes, and with names that have no extension") {
  CHECK(checkpoint_names("a", "", "").aliases == std::vector<std::string>{"a"});
  CHECK(checkpoint_names("x/.hidden", "", "").name_for_extra == ".hidden");
  CHECK(checkpoint_names("x.y/z", "", "").name_for_extra == "z");
  CHECK(checkpoint_names("x.y/z", "", "").model_name == "x");  // splitext of "x.y_z": A1111's own oddity
  CHECK(checkpoint_names("..a.b", "", "").name_for_extra == "..a");
  CHECK(checkpoint_names("a\\b.ckpt", "", "").model_name == "a_b");
}

TEST_CASE("a component of a folder is called as its folder is") {
  CHECK(telling_name("/a/flux/text_encoder_2/model.safetensors") == "flux/text_encoder_2/model.safetensors");
  CHECK(telling_name("/a/llama/model.safetensors") == "llama/model.safetensors");
  CHECK(telling_name("vae/diffusion_pytorch_model.fp16.safetensors") == "vae/diffusion_pytorch_model.fp16.safetensors");
  CHECK(telling_name("/model.safetensors") == "model.safetensors");
  CHECK(telling_name("/a/llama/model-00001-of-00030.safetensors") == "llama/model-00001-of-00030.safetensors");
  CHECK(telling_name("/a/llama/model-00002-of-00030.safetensors") == "model-00002-of-00030.safetensors");
  CHECK(telling_name("/a/llama/flux-00001-of-00030.safetensors") == "flux-00001-of-00030.safetensors");
  CHECK(telling_name("/a/vae/dream.safetensors") == "dream.safetensors");
  const std::string sha256 = "0123456789" + std::string(54, 'f');
  const CheckpointNames names = checkpoint_names("x/flux/vae/diffusion_pytorch_model.safetensors", "", sha256);
  CHECK(names.title == "x/flux/vae [0123456789]");
  CHECK(names.name_for_extra == "flux/vae");
  CHECK(names.short_title == "flux/vae [0123456789]");
  CHECK(names.model_name == "x_flux_vae_diffusion_pytorch_model");
  CHECK(checkpoint_names("flux/transformer/diffusion_pytorch_model.safetensors", "", "").title == "flux/transformer");
  CHECK(checkpoint_names("model.safetensors", "", "").title == "model.safetensors");
  CHECK(checkpoint_names("loras/mine/adapter_model.safetensors", "", "").name_for_extra == "mine");
}
