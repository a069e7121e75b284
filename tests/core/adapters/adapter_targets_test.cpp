// SPDX-License-Identifier: Apache-2.0
#include "core/adapters/adapter_targets.h"

#include <doctest/doctest.h>

#include <string>

#include "tests/core/adapters/adapter_files.h"
#include "tests/core/failure.h"

using namespace ckmerge;
using namespace ckmerge::test;

namespace {

const std::string kPeft = "base_model.model.";
const std::string kConfig = R"({"peft_type": "LORA", "r": 2, "lora_alpha": 8})";

struct Found {
  Adapter adapter;
  Checkpoint model;
  AdapterTargets targets;

  std::vector<std::string> places(const std::string& tensor) const {
    return places_of(targets, adapter, model, tensor);
  }
  const ModuleWeight& weight(const std::string& tensor) const {
    for (const AdaptedTensor& adapted : targets.adapted)
      if (model.tensors.name(adapted.tensor) == tensor) return adapted.weights.at(0);
    FAIL("nothing changes ", tensor);
    throw 0;
  }
};

Found find(const Shapes& lora, const Shapes& model, const std::string& config = "",
           TiedModules tied = TiedModules::refuse) {
  AdapterFiles files;
  Found found{.adapter = config.empty() ? files.kohya(lora) : files.peft(lora, config),
              .model = files.model(model),
              .targets = {}};
  found.targets = adapter_targets(found.adapter, found.model, tied);
  return found;
}

// Each module is all of the tensor beside it.
void check_whole(const std::vector<std::pair<std::string, std::string>>& pairs, const Shapes& more = {},
                 bool of_kohya = true) {
  Shapes lora, model = more;
  for (const auto& [module, tensor] : pairs) {
    (of_kohya ? add_kohya : add_dotted)(lora, module, 6, 4, 2);
    model.push_back({tensor, {6, 4}});
  }
  const Found found = find(lora, model, of_kohya || !lora[0].first.starts_with(kPeft) ? "" : kConfig);
  CHECK(found.targets.unmatched.empty());
  for (const auto& [module, tensor] : pairs)
    CHECK(found.places(tensor) == std::vector<std::string>{module + " 0+6 <- 0"});
}

// The names by which a U-Net of Stable Diffusion is told.
Shapes unet(const std::string& prefix) {
  Shapes shapes;
  for (const char* const name :
       {"input_blocks.1.0.in_layers.0.weight", "output_blocks.0.0.in_layers.0.weight", "input_blocks.3.0.op.weight",
        "output_blocks.2.1.conv.weight", "input_blocks.1.1.norm.weight"})
    shapes.push_back({prefix + name, {4}});
  return shapes;
}

Shapes flux(const std::string& prefix) {
  return {{prefix + "double_blocks.0.img_attn.norm.key_norm.scale", {4}},
          {prefix + "double_blocks.0.img_attn.qkv.weight", {12, 4}},
          {prefix + "double_blocks.0.img_attn.qkv.bias", {12}},
          {prefix + "single_blocks.0.linear1.weight", {28, 4}},
          {prefix + "final_layer.linear.weight", {6, 4}},
          {prefix + "final_layer.adaLN_modulation.1.weight", {8, 4}}};
}

}  // namespace

TEST_CASE("names of language models, with and without what is in front") {
  check_whole({{kPeft + "model.layers.0.self_attn.q_proj", "model.layers.0.self_attn.q_proj.weight"},
               {kPeft + "lm_head", "lm_head.weight"}},
              {}, false);
  check_whole({{kPeft + "model.layers.0.self_attn.q_proj", "layers.0.self_attn.q_proj.weight"}}, {}, false);
  check_whole({{kPeft + "layers.0.self_attn.q_proj", "model.layers.0.self_attn.q_proj.weight"}}, {}, false);
  check_whole({{kPeft + "model.language_model.layers.0.mlp.up_proj", "model.layers.0.mlp.up_proj.weight"},
               {kPeft + "model.visual.blocks.0.attn.qkv", "visual.blocks.0.attn.qkv.weight"}},
              {}, false);
  check_whole(
      {{kPeft + "model.language_model.layers.0.mlp.up_proj", "language_model.model.layers.0.mlp.up_proj.weight"},
       {kPeft + "model.vision_tower.vision_model.encoder.layers.0.fc1",
        "vision_tower.vision_model.encoder.layers.0.fc1.weight"}},
      {}, false);
  check_whole({{kPeft + "transformer.h.0.mlp.c_fc", "h.0.mlp.c_fc.weight"}}, {}, false);
}

TEST_CASE("kohya's names of Stable Diffusion, of diffusers' network and of the original") {
  const std::string model = "model.diffusion_model.";
  check_whole(
      {{"lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q",
        model + "input_blocks.1.1.transformer_blocks.0.attn1.to_q.weight"},
       {"lora_unet_mid_block_attentions_0_proj_in", model + "middle_block.1.proj_in.weight"},
       {"lora_unet_input_blocks_2_1_proj_out", model + "input_blocks.2.1.proj_out.weight"},
       {"lora_te_text_model_encoder_layers_0_self_attn_k_proj",
        "cond_stage_model.transformer.text_model.encoder.layers.0.self_attn.k_proj.weight"},
       {"lora_te_encoder_layers_1_mlp_fc1", "cond_stage_model.transformer.text_model.encoder.layers.1.mlp.fc1.weight"}},
      unet(model));
}

TEST_CASE("diffusers' names of Stable Diffusion in a checkpoint, and the original's in a folder's file") {
  const std::string model = "model.diffusion_model.";
  check_whole({{"unet.down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q",
                model + "input_blocks.1.1.transformer_blocks.0.attn1.to_q.weight"},
               {"text_encoder.encoder.layers.0.self_attn.k_proj",
                "cond_stage_model.transformer.text_model.encoder.layers.0.self_attn.k_proj.weight"}},
              unet(model), false);
  check_whole({{"unet.down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q",
                "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q.weight"}},
              {{"time_embedding.linear_1.weight", {4}},
               {"down_blocks.0.resnets.0.time_emb_proj.weight", {4}},
               {"up_blocks.0.resnets.0.time_emb_proj.weight", {4}}},
              false);
}

TEST_CASE("networks that no family tells are found behind the prefixes of checkpoints") {
  for (const std::string prefix : {"", "model.diffusion_model.", "diffusion_model."}) {
    check_whole({{"lora_unet_blocks_0_attn_q", prefix + "blocks.0.attn.q.weight"}});
    check_whole({{"diffusion_model.blocks.0.attn.q", prefix + "blocks.0.attn.q.weight"}}, {}, false);
  }
}

TEST_CASE("SDXL's encoders have numbers, and the second is in the naming of open_clip") {
  Shapes lora, model = unet("model.diffusion_model.");
  const std::string first = "conditioner.embedders.0.transformer.text_model.",
                    second = "conditioner.embedders.1.model.";
  add_kohya(lora, "lora_te1_text_model_encoder_layers_0_self_attn_q_proj", 4, 4);
  add_kohya(lora, "lora_te2_text_model_encoder_layers_0_self_attn_k_proj", 4, 4);
  add_kohya(lora, "lora_te2_text_model_encoder_layers_0_mlp_fc1", 8, 4);
  model.push_back({"model.diffusion_model.label_emb.0.0.weight", {4, 4}});
  for (const char* const layer : {"q_proj", "k_proj", "v_proj"})
    model.push_back({first + "encoder.layers.0.self_attn." + layer + ".weight", {4, 4}});
  model.push_back({first + "embeddings.token_embedding.weight", {9, 4}});
  model.push_back({second + "transformer.resblocks.0.attn.in_proj_weight", {12, 4}});
  model.push_back({second + "transformer.resblocks.0.attn.in_proj_bias", {12}});
  model.push_back({second + "transformer.resblocks.0.mlp.c_fc.weight", {8, 4}});
  model.push_back({second + "token_embedding.weight", {9, 4}});
  const Found found = find(lora, model);
  CHECK(found.targets.unmatched.empty());
  CHECK(found.places(first + "encoder.layers.0.self_attn.q_proj.weight").size() == 1);
  CHECK(found.places(first + "encoder.layers.0.self_attn.k_proj.weight").empty());
  CHECK(found.places(second + "transformer.resblocks.0.attn.in_proj_weight") ==
        std::vector<std::string>{"lora_te2_text_model_encoder_layers_0_self_attn_k_proj 4+4 <- 0"});
  CHECK(found.places(second + "transformer.resblocks.0.mlp.c_fc.weight").size() == 1);
}

TEST_CASE("Flux: fused in the original, q, k and v by themselves at diffusers") {
  for (const std::string prefix : {"", "model.diffusion_model."}) {
    Shapes lora;
    add_kohya(lora, "lora_unet_double_blocks_0_img_attn_qkv", 12, 4);
    add_kohya(lora, "lora_unet_single_blocks_0_linear1", 28, 4);
    const Found found = find(lora, flux(prefix));
    CHECK(found.targets.unmatched.empty());
    CHECK(found.places(prefix + "double_blocks.0.img_attn.qkv.weight") ==
          std::vector<std::string>{"lora_unet_double_blocks_0_img_attn_qkv 0+12 <- 0"});
    Shapes split;
    const std::string t = "transformer.transformer_blocks.0.attn.", s = "transformer.single_transformer_blocks.0.";
    for (const char* const part : {"to_q", "to_k", "to_v"}) add_dotted(split, t + part, 4, 4);
    add_dotted(split, s + "attn.to_v", 4, 4);
    add_dotted(split, s + "proj_mlp", 16, 4);
    add_dotted(split, "transformer.norm_out.linear", 8, 4);
    add_dotted(split, "transformer.proj_out", 6, 4);
    const Found parts = find(split, flux(prefix));
    CHECK(parts.targets.unmatched.empty());
    CHECK(parts.places(prefix + "double_blocks.0.img_attn.qkv.weight") ==
          std::vector<std::string>{t + "to_q 0+4 <- 0", t + "to_k 4+4 <- 0", t + "to_v 8+4 <- 0"});
    CHECK(parts.places(prefix + "single_blocks.0.linear1.weight") ==
          std::vector<std::string>{s + "attn.to_v 8+4 <- 0", s + "proj_mlp 12+16 <- 0"});
    // Shift and scale change places.
    CHECK(parts.places(prefix + "final_layer.adaLN_modulation.1.weight") ==
          std::vector<std::string>{"transformer.norm_out.linear 0+4 <- 4", "transformer.norm_out.linear 4+4 <- 0"});
    CHECK(parts.places(prefix + "final_layer.linear.weight").size() == 1);
    CHECK(parts.weight(prefix + "double_blocks.0.img_attn.qkv.weight").shape == std::vector<uint64_t>{4, 4});
  }
}

TEST_CASE("a fused module is rows of several tensors of diffusers' file") {
  Shapes lora, model = {{"single_transformer_blocks.0.proj_mlp.weight", {16, 4}},
                        {"transformer_blocks.0.norm1_context.linear.weight", {4, 4}},
                        {"time_text_embed.timestep_embedder.linear_1.weight", {4, 4}}};
  add_kohya(lora, "lora_unet_double_blocks_0_img_attn_qkv", 12, 4);
  for (const char* const part : {"to_q", "to_k", "to_v"})
    model.push_back({std::string("transformer_blocks.0.attn.") + part + ".weight", {4, 4}});
  for (const char* const part : {"to_q", "to_k", "to_v"})
    model.push_back({std::string("single_transformer_blocks.0.attn.") + part + ".weight", {4, 4}});
  const Found found = find(lora, model);
  CHECK(found.targets.unmatched.empty());
  CHECK(found.places("transformer_blocks.0.attn.to_k.weight") ==
        std::vector<std::string>{"lora_unet_double_blocks_0_img_attn_qkv 0+4 <- 4"});
  CHECK(found.weight("transformer_blocks.0.attn.to_k.weight").shape == std::vector<uint64_t>{12, 4});
}

TEST_CASE("experts: single in the file, stacked in the adapter, and the reverse") {
  Shapes single, stacked = {{"model.layers.0.mlp.experts.gate_up_proj", {2, 12, 4}},
                            {"model.layers.0.mlp.experts.down_proj", {2, 4, 6}}};
  for (const char* const expert : {"0", "1"})
    for (const char* const part : {"gate_proj", "up_proj", "down_proj"})
      single.push_back({std::string("model.layers.0.mlp.experts.") + expert + "." + part + ".weight",
                        part[0] == 'd' ? std::vector<uint64_t>{4, 6} : std::vector<uint64_t>{6, 4}});
  const std::string experts = kPeft + "model.layers.0.mlp.experts";
  Shapes lora;
  add_dotted(lora, experts + ".base_layer", 12, 4, 4);  // 2 experts of rank 2
  add_dotted(lora, experts, 4, 6, 4);
  const Found whole = find(lora, stacked, kConfig);
  CHECK(whole.places("model.layers.0.mlp.experts.gate_up_proj") ==
        std::vector<std::string>{experts + ".base_layer 0+24 <- 0"});
  CHECK(whole.weight("model.layers.0.mlp.experts.gate_up_proj").experts == 2);
  CHECK(whole.weight("model.layers.0.mlp.experts.gate_up_proj").shape == std::vector<uint64_t>{24, 4});
  CHECK(whole.places("model.layers.0.mlp.experts.down_proj") == std::vector<std::string>{experts + " 0+8 <- 0"});
  const Found apart = find(lora, single, kConfig);
  CHECK(apart.places("model.layers.0.mlp.experts.1.up_proj.weight") ==
        std::vector<std::string>{experts + ".base_layer 0+6 <- 18"});
  CHECK(apart.places("model.layers.0.mlp.experts.1.down_proj.weight") ==
        std::vector<std::string>{experts + " 0+4 <- 4"});
  Shapes of_one;
  add_dotted(of_one, experts + ".1.up_proj", 6, 4);
  const Found inside = find(of_one, stacked, kConfig);
  CHECK(inside.places("model.layers.0.mlp.experts.gate_up_proj") ==
        std::vector<std::string>{experts + ".1.up_proj 18+6 <- 0"});
}

TEST_CASE("Mixtral's experts: w1 stands over w3") {
  Shapes single, lora;
  for (const char* const expert : {"0", "1"})
    for (const char* const part : {"w1", "w2", "w3"})
      single.push_back({std::string("model.layers.0.block_sparse_moe.experts.") + expert + "." + part + ".weight",
                        part[1] == '2' ? std::vector<uint64_t>{4, 6} : std::vector<uint64_t>{6, 4}});
  const std::string experts = kPeft + "model.layers.0.mlp.experts";
  add_dotted(lora, experts, 12, 4, 4);
  const Found found = find(lora, single, kConfig);
  CHECK(found.places("model.layers.0.block_sparse_moe.experts.0.w3.weight") ==
        std::vector<std::string>{experts + " 0+6 <- 6"});
  CHECK(found.places("model.layers.0.block_sparse_moe.experts.1.w1.weight") ==
        std::vector<std::string>{experts + " 0+6 <- 12"});
}

TEST_CASE("experts of gpt-oss lie (experts, in, out), square ones as the layer's other tensor says") {
  const std::string experts = kPeft + "model.layers.0.mlp.experts", name = "model.layers.0.mlp.experts.";
  Shapes lora;
  add_dotted(lora, experts + ".base_layer", 8, 4, 4);
  add_dotted(lora, experts, 4, 4, 4);
  const Found found = find(lora, {{name + "gate_up_proj", {2, 4, 8}}, {name + "down_proj", {2, 4, 4}}}, kConfig);
  for (const char* const part : {"gate_up_proj", "down_proj"}) {
    CHECK(found.weight(name + part).transposed);
    CHECK(found.weight(name + part).experts == 2);
  }
  const Found plain = find(lora, {{name + "gate_up_proj", {2, 8, 4}}, {name + "down_proj", {2, 4, 4}}}, kConfig);
  for (const char* const part : {"gate_up_proj", "down_proj"}) CHECK_FALSE(plain.weight(name + part).transposed);
}

TEST_CASE("Conv1D lies (in, out), square or not; a Linear of the same name does not") {
  Shapes lora;
  add_dotted(lora, kPeft + "transformer.h.0.attn.c_attn", 12, 4);
  add_dotted(lora, kPeft + "transformer.h.0.attn.c_proj", 4, 4);
  const std::string config = R"({"peft_type": "LORA", "r": 2, "lora_alpha": 8, "fan_in_fan_out": false})";
  const Found found = find(lora, {{"h.0.attn.c_attn.weight", {4, 12}}, {"h.0.attn.c_proj.weight", {4, 4}}}, config);
  CHECK(found.weight("h.0.attn.c_attn.weight").transposed);
  CHECK(found.weight("h.0.attn.c_attn.weight").shape == std::vector<uint64_t>{4, 12});
  CHECK(found.weight("h.0.attn.c_proj.weight").transposed);
  const std::string flag = R"({"peft_type": "LORA", "r": 2, "lora_alpha": 8, "fan_in_fan_out": true})";
  const Found linear = find(lora, {{"h.0.attn.c_attn.weight", {12, 4}}, {"h.0.attn.c_proj.weight", {4, 4}}}, flag);
  CHECK_FALSE(linear.weight("h.0.attn.c_attn.weight").transposed);
  CHECK_FALSE(linear.weight("h.0.attn.c_proj.weight").transposed);
}

TEST_CASE("a head that is one with the embeddings is refused, or gets both changes") {
  Shapes lora;
  lora.push_back({kPeft + "model.embed_tokens.lora_embedding_A", {2, 9}});
  lora.push_back({kPeft + "model.embed_tokens.lora_embedding_B", {4, 2}});
  add_dotted(lora, kPeft + "lm_head", 9, 4);
  const Shapes model = {{"model.embed_tokens.weight", {9, 4}},
                        {"model.layers.0.self_attn.q_proj.weight", {4, 4}},
                        {"model.layers.0.post_attention_layernorm.weight", {4}}};
  const auto failed = failure([&] { find(lora, model, kConfig); });
  CHECK(failed.code == ErrorCode::mismatch);
  CHECK(failed.text.find("--tied sum") != std::string::npos);
  const Found found = find(lora, model, kConfig, TiedModules::sum);
  CHECK(found.places("model.embed_tokens.weight").size() == 2);
  const AdaptedTensor& adapted = found.targets.adapted.at(0);
  CHECK(adapted.weights.at(0).is_embedding != adapted.weights.at(1).is_embedding);
  const Shapes untied = {{"model.embed_tokens.weight", {9, 4}}, {"lm_head.weight", {9, 4}}};
  CHECK(find(lora, untied, kConfig).places("lm_head.weight").size() == 1);
}

TEST_CASE("extra channels are the model's alone") {
  Shapes lora = {{"lora_unet_conv_in.lora_down.weight", {2, 4, 3, 3}},
                 {"lora_unet_conv_in.lora_up.weight", {8, 2, 1, 1}}},
         model = unet("");
  model.push_back({"input_blocks.0.0.weight", {8, 9, 3, 3}});
  const Found found = find(lora, model);
  CHECK(found.weight("input_blocks.0.0.weight").shape == std::vector<uint64_t>{8, 4, 3, 3});
  CHECK(found.places("input_blocks.0.0.weight") == std::vector<std::string>{"lora_unet_conv_in 0+8 <- 0"});
}

TEST_CASE("what does not fit is told with all of its kind") {
  Shapes lora;
  add_kohya(lora, "lora_unet_a", 6, 4);
  add_kohya(lora, "lora_unet_b", 6, 4);
  const auto failed = failure([&] { find(lora, {{"a.weight", {6, 5}}, {"b.weight", {7, 4}}}); });
  CHECK(failed.code == ErrorCode::mismatch);
  CHECK(failed.details.size() == 2);
  Shapes twice;
  add_dotted(twice, "diffusion_model.a", 6, 4);
  add_dotted(twice, "model.diffusion_model.a", 6, 4);
  const auto both = failure([&] { find(twice, {{"a.weight", {6, 4}}}); });
  CHECK(both.text.find("both change a.weight") != std::string::npos);
}

TEST_CASE("modules that nothing is called as are listed with the nearest name") {
  Shapes lora;
  add_kohya(lora, "lora_unet_blocks_0_attn_to_q", 6, 4);
  add_kohya(lora, "lora_unet_blocks_0_atn_to_k", 6, 4);
  add_kohya(lora, "lora_unet_something_else", 6, 4);
  const Found found = find(lora, {{"blocks.0.attn.to_q.weight", {6, 4}}, {"blocks.0.attn.to_k.weight", {6, 4}}});
  CHECK(found.targets.adapted.size() == 1);
  REQUIRE(found.targets.unmatched.size() == 2);
  CHECK(found.adapter.modules[found.targets.unmatched[0]].name == "lora_unet_blocks_0_atn_to_k");
  CHECK(found.targets.nearest == std::vector<std::string>{"blocks.0.attn.to_k.weight", ""});
}

TEST_CASE("whole tensors and rows find their places; a larger vocabulary is told") {
  Shapes lora;
  add_dotted(lora, kPeft + "model.layers.0.q", 6, 4);
  lora.push_back({kPeft + "lm_head.weight", {10, 4}});
  lora.push_back({kPeft + "model.layers.0.q.base_layer.bias", {6}});
  lora.push_back({kPeft + "model.other.weight", {6}});
  lora.push_back({kPeft + "model.embed_tokens.token_adapter.trainable_tokens_delta", {2, 4}});
  const Shapes model = {{"model.layers.0.q.weight", {6, 4}},
                        {"model.layers.0.q.bias", {6}},
                        {"lm_head.weight", {9, 4}},
                        {"model.embed_tokens.weight", {9, 4}}};
  const std::string config = R"({"peft_type": "LORA", "r": 2, "lora_alpha": 8, "trainable_token_indices": [8, 2]})";
  const Found found = find(lora, model, config);
  CHECK(found.targets.replaced.size() == 3);
  CHECK(found.targets.unplaced.size() == 1);
  REQUIRE(found.targets.warnings.size() == 1);
  CHECK(found.targets.warnings[0].find("10 tokens") != std::string::npos);
  const std::string beyond = R"({"peft_type": "LORA", "r": 2, "lora_alpha": 8, "trainable_token_indices": [9, 2]})";
  CHECK(failure([&] { find(lora, model, beyond); }).code == ErrorCode::mismatch);
}

TEST_CASE("thousands of modules are found in no time that anybody would notice") {
  Shapes lora, model;
  for (int i = 0; i < 300; ++i)
    for (const char* const part : {"q_proj", "k_proj", "v_proj", "o_proj"}) {
      const std::string name = "model.layers." + std::to_string(i) + ".self_attn." + part;
      add_dotted(lora, kPeft + name, 6, 4);
      model.push_back({name + ".weight", {6, 4}});
    }
  CHECK(find(lora, model, kConfig).targets.adapted.size() == 1200);
}
