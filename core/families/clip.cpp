// SPDX-License-Identifier: Apache-2.0
// CLIP's text model, as open_clip names it (SD 2, SDXL's second), as Hugging Face does, and as a copied CLIPTextModel
// of transformers 5 saves it, without `text_model.`. Both of the latter must be read; written is the former.
#include "core/families/family_rows.h"

namespace ckmerge {
namespace {

constexpr uint32_t kLayersOfH = 24;  // of which SD 2 uses all but the last, and no projection

LayoutRules open_clip_rules(const ComponentNames& names, bool from_left) {
  const std::string o = "transformer.resblocks.#.", h = "text_model.encoder.layers.#.";
  LayoutRules rules = {
      {"positional_embedding", "text_model.embeddings.position_embedding.weight"},
      {"token_embedding.weight", "text_model.embeddings.token_embedding.weight"},
      {"ln_final.*", "text_model.final_layer_norm.*"},
      {o + "ln_1.*", h + "layer_norm1.*"},
      {o + "ln_2.*", h + "layer_norm2.*"},
      {o + "mlp.c_fc.*", h + "mlp.fc1.*"},
      {o + "mlp.c_proj.*", h + "mlp.fc2.*"},
      {o + "attn.in_proj_weight", h + "self_attn.{q_proj,k_proj,v_proj}.weight"},
      {o + "attn.in_proj_bias", h + "self_attn.{q_proj,k_proj,v_proj}.bias"},
      {o + "attn.out_proj.*", h + "self_attn.out_proj.*"},
      {"logit_scale", ""},
      {"attn_mask", ""},
      {"", "text_model.embeddings.position_ids"},
  };
  // What another file has that is merged with it stays.
  const bool is_of_sd2 = from_left && names.count(o + "ln_1.weight") == kLayersOfH;
  const auto drops = [&](const std::string& name) {
    return is_of_sd2 && !(names.wanted() && (names.wanted()->has("text_model." + name) || names.wanted()->has(name)));
  };
  if (drops("text_projection.weight"))
    rules.push_back({"text_projection", ""});
  else
    rules.push_back({"text_projection", "text_projection.weight", Reshaping::transpose});
  if (drops("encoder.layers.23.layer_norm1.weight")) rules.push_back({"transformer.resblocks.23.*", ""});
  return rules;
}

LayoutRules bare_rules(const ComponentNames& /*names*/, bool /*from_left*/) {
  return {
      {"text_model.embeddings.*", "embeddings.*"},
      {"text_model.encoder.*", "encoder.*"},
      {"text_model.final_layer_norm.*", "final_layer_norm.*"},
  };
}

}  // namespace

ModelFamily clip_family() {
  return {.name = "clip",
          .role = ComponentRole::text_encoder,
          .left = Naming::open_clip,
          .right = Naming::hugging_face,
          .left_signs = {"transformer.resblocks.#.attn.in_proj_weight", "token_embedding.weight"},
          .right_signs = {"text_model.encoder.layers.#.self_attn.q_proj.weight",
                          "text_model.embeddings.token_embedding.weight"},
          .rules = open_clip_rules};
}

ModelFamily bare_clip_family() {
  return {.name = "clip",
          .role = ComponentRole::text_encoder,
          .left = Naming::hugging_face,
          .right = Naming::transformers,
          .left_signs = {},
          .right_signs = {"encoder.layers.#.self_attn.q_proj.weight", "embeddings.token_embedding.weight",
                          "final_layer_norm.weight"},
          .rules = bare_rules};
}

}  // namespace ckmerge
