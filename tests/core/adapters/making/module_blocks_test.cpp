// SPDX-License-Identifier: Apache-2.0
#include "core/adapters/making/module_blocks.h"

#include <doctest/doctest.h>

using namespace ckmerge;

namespace {

std::string block(const char* module, const char* architecture) {
  return module_block(module, block_table(architecture));
}

std::string_view table(std::initializer_list<std::string_view> names, std::string_view architecture = "") {
  return table_of_modules(std::vector<std::string_view>(names), architecture).name;
}

}  // namespace

TEST_CASE("blocks of modules, in the publisher's naming and in diffusers'") {
  CHECK(block("lora_unet_input_blocks_4_1_transformer_blocks_0_attn1_to_q", "sdxl") == "IN04");
  CHECK(block("lora_unet_middle_block_1_proj_in", "sdxl") == "M00");
  CHECK(block("lora_unet_output_blocks_11_1_proj_out", "sd1") == "OUT11");
  CHECK(block("lora_unet_down_blocks_0_attentions_0_proj_in", "sd1") == "IN01");
  CHECK(block("lora_unet_down_blocks_2_attentions_1_transformer_blocks_0_attn2_to_k", "sd1") == "IN08");
  CHECK(block("lora_unet_down_blocks_0_downsamplers_0_conv", "sd1") == "IN03");
  CHECK(block("unet.mid_block.attentions.0.proj_in", "sd1") == "M00");
  CHECK(block("lora_unet_up_blocks_1_attentions_0_proj_in", "sd1") == "OUT03");
  CHECK(block("lora_unet_up_blocks_3_attentions_2_proj_in", "sd1") == "OUT11");
  CHECK(block("lora_unet_up_blocks_1_upsamplers_0_conv", "sd1") == "OUT05");
  CHECK(block("lora_unet_double_blocks_18_img_mlp_0", "flux") == "D18");
  CHECK(block("transformer.transformer_blocks.7.attn.to_q", "flux") == "D07");
  CHECK(block("transformer.single_transformer_blocks.37.proj_mlp", "flux") == "S37");
  CHECK(block("lora_te_text_model_encoder_layers_0_mlp_fc1", "sd1") == "BASE");
}

TEST_CASE("what stands before the blocks of a network and behind them is of the block that models have it in") {
  for (const char* const name : {"lora_unet_conv_in", "lora_unet_input_blocks_0_0", "lora_unet_time_embed_0",
                                 "lora_unet_time_embedding_linear_1", "unet.conv_in"})
    CHECK_MESSAGE(block(name, "sd1") == "IN00", name);
  for (const char* const name : {"lora_unet_out_2", "lora_unet_conv_out", "unet.conv_out"}) {
    CHECK_MESSAGE(block(name, "sd1") == "OUT11", name);
    CHECK_MESSAGE(block(name, "sdxl") == "OUT08", name);
  }
  for (const char* const name : {"lora_unet_img_in", "lora_unet_txt_in", "lora_unet_time_in_in_layer",
                                 "transformer.x_embedder", "lora_unet_guidance_in_in_layer"})
    CHECK_MESSAGE(block(name, "flux") == "IN", name);
  CHECK(block("lora_unet_final_layer_linear", "flux") == "OUT");
  CHECK(block("transformer.proj_out", "flux") == "OUT");
}

TEST_CASE("text encoders of Flux have blocks of their own") {
  CHECK(block("lora_te1_text_model_encoder_layers_0_mlp_fc1", "flux") == "CLIP");
  for (const char* const name :
       {"lora_te2_encoder_block_0_layer_0_SelfAttention_q", "lora_te3_encoder_block_0_layer_0_SelfAttention_q",
        "lora_t5_encoder_block_0_layer_0_SelfAttention_q", "text_encoder_2.encoder.block.0.layer.0.SelfAttention.q"})
    CHECK_MESSAGE(block(name, "flux") == "T5", name);
}

TEST_CASE("modules of other networks and of language models have the blocks of their tables") {
  CHECK(block("base_model.model.model.layers.31.self_attn.q_proj", "llama") == "L31");
  CHECK(block("base_model.model.transformer.h.3.attn.c_attn", "gpt2") == "L03");
  CHECK(block("lycoris_model_layers_0_mlp_up_proj", "") == "L00");
  CHECK(block("transformer.transformer_blocks.5.img_mlp.net.0.proj", "qwen-image") == "T05");
  CHECK(block("lora_unet_blocks_11_self_attn_q", "wan") == "B11");
  CHECK(block("lora_unet_joint_blocks_2_x_block_attn_qkv", "sd3") == "IN02");
  CHECK(block("transformer.transformer_blocks.2.attn.to_q", "sd3") == "IN02");
}

TEST_CASE("the table is that of the architecture, or the one that the names tell") {
  CHECK(table({"lora_unet_down_blocks_0_attentions_0_proj_in"}) == "Stable Diffusion");
  CHECK(table({"lora_unet_mid_block_attentions_0_proj_in", "lora_te2_x"}) == "SDXL");
  CHECK(table({"lora_unet_input_blocks_7_1_transformer_blocks_2_attn1_to_q"}) == "SDXL");
  CHECK(table({"lora_unet_down_blocks_0_attentions_0_proj_in"}, "sdxl") == "SDXL");
  CHECK(table({"lora_unet_mid_block_attentions_0_proj_in.lora_up.weight"}) == "Stable Diffusion");
  CHECK(block("lora_unet_mid_block_attentions_0_proj_in.lora_up.weight", "sd1") == "M00");
  CHECK(table({"transformer.single_transformer_blocks.0.proj_mlp"}) == "Flux");
  CHECK(table({"base_model.model.model.layers.0.self_attn.q_proj"}, "llama") == "numbered layers");
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

TEST_CASE("the list for Flux has numbers of both encoders, of what comes in and of what goes out") {
  std::vector<double> list(61);
  for (size_t i = 0; i < list.size(); ++i) list[i] = static_cast<double>(i);
  CHECK(strength_in_list(list, "lora_te1_text_model_encoder_layers_0_mlp_fc1") == 0);
  CHECK(strength_in_list(list, "lora_te3_encoder_block_0_layer_0_SelfAttention_q") == 1);
  CHECK(strength_in_list(list, "lora_unet_txt_in") == 2);
  CHECK(strength_in_list(list, "lora_unet_double_blocks_0_img_attn_qkv") == 3);
  CHECK(strength_in_list(list, "lora_unet_single_blocks_37_linear1") == 59);
  CHECK(strength_in_list(list, "lora_unet_final_layer_linear") == 60);
  CHECK(strength_in_list(list, "lora_unet_something_else") == 0);
}
