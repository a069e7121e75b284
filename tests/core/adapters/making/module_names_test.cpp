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

TEST_CASE("blocks of modules, in the publisher's naming and in diffusers'") {
  CHECK(module_block("lora_unet_input_blocks_4_1_transformer_blocks_0_attn1_to_q") == "IN04");
  CHECK(module_block("lora_unet_middle_block_1_proj_in") == "M00");
  CHECK(module_block("lora_unet_output_blocks_11_1_proj_out") == "OUT11");
  CHECK(module_block("lora_unet_down_blocks_0_attentions_0_proj_in") == "IN01");
  CHECK(module_block("lora_unet_down_blocks_2_attentions_1_transformer_blocks_0_attn2_to_k") == "IN08");
  CHECK(module_block("lora_unet_down_blocks_0_downsamplers_0_conv") == "IN03");
  CHECK(module_block("unet.mid_block.attentions.0.proj_in") == "M00");
  CHECK(module_block("lora_unet_up_blocks_1_attentions_0_proj_in") == "OUT03");
  CHECK(module_block("lora_unet_up_blocks_3_attentions_2_proj_in") == "OUT11");
  CHECK(module_block("lora_unet_up_blocks_1_upsamplers_0_conv") == "OUT05");
  CHECK(module_block("lora_unet_double_blocks_18_img_mlp_0") == "D18");
  CHECK(module_block("transformer.transformer_blocks.7.attn.to_q") == "D07");
  CHECK(module_block("transformer.single_transformer_blocks.37.proj_mlp") == "S37");
  CHECK(module_block("lora_te_text_model_encoder_layers_0_mlp_fc1") == "BASE");
  CHECK(module_block("lora_unet_time_embed_0") == "BASE");
}

TEST_CASE("lists of strengths have 12, 17, 20, 26 or 61 numbers") {
  for (const size_t count : {12, 17, 20, 26, 61}) CHECK(blocks_of_list(count).size() == count);
  CHECK(blocks_of_list(25).empty());
  std::vector<double> list(17);
  for (size_t i = 0; i < list.size(); ++i) list[i] = static_cast<double>(i);
  CHECK(strength_in_list(list, "lora_te_text_model_encoder_layers_0_mlp_fc1") == 0);
  CHECK(strength_in_list(list, "lora_unet_down_blocks_0_attentions_0_proj_in") == 1);
  CHECK(strength_in_list(list, "lora_unet_mid_block_attentions_0_proj_in") == 7);
  CHECK(strength_in_list(list, "lora_unet_up_blocks_3_attentions_2_proj_in") == 16);
  CHECK(strength_in_list(list, "lora_unet_input_blocks_3_0_op") == 1);  // IN03 is in no list of 17
}
