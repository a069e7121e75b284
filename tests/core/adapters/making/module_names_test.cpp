// SPDX-License-Identifier: Apache-2.0
#include "core/adapters/making/module_names.h"

#include <doctest/doctest.h>

using namespace ckmerge;

TEST_CASE("a module is the same in all spellings, but for dots and underscores") {
  CHECK(folded_module_name("lora_unet_double_blocks_0_img_attn_qkv") ==
        folded_module_name("diffusion_model.double_blocks.0.img_attn.qkv"));
  CHECK(folded_module_name("lora_te_text_model_encoder_layers_0_mlp_fc1") ==
        folded_module_name("text_encoder.text_model.encoder.layers.0.mlp.fc1"));
  CHECK(folded_module_name("lora_te_encoder_layers_0_mlp_fc1") ==
        folded_module_name("text_encoder.text_model.encoder.layers.0.mlp.fc1"));
  CHECK(folded_module_name("unet.down_blocks.0.attn1.to_q") == folded_module_name("down_blocks.0.attn1.to_q"));
  CHECK(is_of_encoder("lora_t5_encoder_block_0_layer_0_SelfAttention_q"));
  CHECK_FALSE(is_of_encoder("lora_unet_txt_in"));
  CHECK(folded_module_name("lora_te1_x") != folded_module_name("lora_te2_x"));
  CHECK(folded_module_name("lora_unet_x") != folded_module_name("lora_te_x"));
}

TEST_CASE("modules are respelled where the model is not needed for it") {
  using enum AdapterSpelling;
  CHECK(respelled("lora_unet_a_b", kohya, kohya) == "lora_unet_a_b");
  CHECK_FALSE(respelled("lora_unet_a_b", kohya, diffusers));
  CHECK(respelled("unet.down_blocks.0.attn1.to_q", diffusers, kohya) == "lora_unet_down_blocks_0_attn1_to_q");
  CHECK(respelled("transformer.single_transformer_blocks.0.proj_mlp", diffusers, kohya) ==
        "lora_transformer_single_transformer_blocks_0_proj_mlp");
  CHECK(respelled("text_encoder.a.b", diffusers, kohya) == "lora_te1_a_b");
  CHECK(respelled("text_encoder.a.b", diffusers, kohya, true) == "lora_te_a_b");
  CHECK(respelled("base_model.model.a.b", peft, diffusers) == "a.b");
  CHECK(respelled("a.b", diffusers, peft) == "base_model.model.a.b");
}
