// SPDX-License-Identifier: Apache-2.0
#include "core/adapters/names/factor_name.h"

#include <doctest/doctest.h>

#include <string>

using namespace ckmerge;

namespace {

// "module | factor | kind", or "-".
std::string told(const std::string& name) {
  const std::optional<FactorName> found = factor_name(name);
  if (!found) return "-";
  return found->module + " | " + std::string(found->name) + " | " + std::string(found->kind);
}

}  // namespace

TEST_CASE("factors of LoRA have one name in all spellings") {
  CHECK(told("lora_unet_x.lora_down.weight") == "lora_unet_x | lora_A | LoRA");
  CHECK(told("lora_unet_x.lora_up.weight") == "lora_unet_x | lora_B | LoRA");
  CHECK(told("lora_unet_x.lora_mid.weight") == "lora_unet_x | lora_mid | LoRA");
  CHECK(told("base_model.model.a.b.lora_A.weight") == "base_model.model.a.b | lora_A | LoRA");
  CHECK(told("a.b.lora_A.default.weight") == "a.b | lora_A | LoRA");
  CHECK(told("a.b.lora_B.default_0.weight") == "a.b | lora_B | LoRA");
  CHECK(told("a.b.lora_B.bias") == "a.b | lora_B.bias | LoRA");
  CHECK(told("a.b.lora_B.default.bias") == "a.b | lora_B.bias | LoRA");
  CHECK(told("a.lora_embedding_A") == "a | lora_embedding_A | LoRA");
  CHECK(told("a.lora_embedding_B.default") == "a | lora_embedding_B | LoRA");
  CHECK(told("unet.a.to_q.lora.down.weight") == "unet.a.to_q | lora_A | LoRA");
  CHECK(told("a.attn1.processor.to_out_lora.up.weight") == "a.attn1.to_out.0 | lora_B | LoRA");
  CHECK(told("a.to_k.lora_linear_layer.up.weight") == "a.to_k | lora_B | LoRA");
  CHECK(told("a.experts.base_layer.lora_A.weight") == "a.experts.base_layer | lora_A | LoRA");
  CHECK(told("a.lora_magnitude_vector") == "a | lora_magnitude_vector | DoRA");
  CHECK(told("a.lora_magnitude_vector.default.weight") == "a | lora_magnitude_vector | DoRA");
}

TEST_CASE("factors of other kinds keep their names") {
  CHECK(told("lora_unet_x.hada_w1_a") == "lora_unet_x | hada_w1_a | LoHa");
  CHECK(told("x.lokr_t2") == "x | lokr_t2 | LoKr");
  CHECK(told("x.oft_R.weight") == "x | oft_R | OFT");
  CHECK(told("x.oft_blocks") == "x | oft_blocks | Diag-OFT");
  CHECK(told("x.glora_A.Xd") == "x | glora_A.Xd | GLoRA");
  CHECK(told("x.osf_svd_params.U_low") == "x | osf_svd_params.U_low | OSF");
  CHECK(told("x.a1.weight") == "x | a1 | GLoRA of LyCORIS");
  CHECK(told("x.diff") == "x | diff | full difference");
  CHECK(told("base_model.vera_A") == "base_model | vera_A | VeRA");
  CHECK(factor_name("x.alpha")->role == FactorRole::alpha);
  CHECK(factor_name("x.token_adapter.trainable_tokens_delta")->role == FactorRole::tokens);
  CHECK(factor_name("x.ln_tuning_layers.weight")->role == FactorRole::replaced);
  CHECK(factor_name("base_model.prompt_embeddings")->role == FactorRole::refused);
}

TEST_CASE("names of models are no factors") {
  for (const char* const name : {"model.layers.0.self_attn.q_proj.weight", "a.diff.weight", "a.alpha.weight", "lora_a",
                                 "x.lora_A.b.c.d.e.weight", "", ".", "a.down.weight", "x.lora_mid.bias.weight.w"}) {
    CAPTURE(name);
    CHECK(told(name) == "-");
  }
}
