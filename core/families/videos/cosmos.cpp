// SPDX-License-Identifier: Apache-2.0
// Cosmos Predict 2 (diffusers 0.42.1: convert_cosmos_transformer_checkpoint_to_diffusers).
#include "core/families/family_rows.h"
#include "core/families/rule_rows.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

LayoutRules layout_rules(const ComponentNames& /*names*/, bool /*from_left*/) {
  LayoutRules rules;
  add_rules(rules, "", "",
            {{"x_embedder.proj.1.*", "patch_embed.proj.*"},
             {"t_embedder.1.*", "time_embed.t_embedder.*"},
             {"t_embedding_norm.*", "time_embed.norm.*"},
             {"final_layer.adaln_modulation.1.*", "norm_out.linear_1.*"},
             {"final_layer.adaln_modulation.2.*", "norm_out.linear_2.*"},
             {"final_layer.linear.*", "proj_out.*"},
             {"pos_embedder.seq", ""},
             {"pos_embedder.dim_spatial_range", ""},
             {"pos_embedder.dim_temporal_range", ""},
             {"t_embedding_norm._extra_state", ""},
             {"accum_video_sample_counter", ""},
             {"accum_image_sample_counter", ""},
             {"accum_iteration", ""},
             {"accum_train_in_hours", ""}});
  add_rules(rules, "blocks.#.", "transformer_blocks.#.",
            {{"adaln_modulation_self_attn.1.*", "norm1.linear_1.*"},
             {"adaln_modulation_self_attn.2.*", "norm1.linear_2.*"},
             {"adaln_modulation_cross_attn.1.*", "norm2.linear_1.*"},
             {"adaln_modulation_cross_attn.2.*", "norm2.linear_2.*"},
             {"adaln_modulation_mlp.1.*", "norm3.linear_1.*"},
             {"adaln_modulation_mlp.2.*", "norm3.linear_2.*"},
             {"mlp.layer1.*", "ff.net.0.proj.*"},
             {"mlp.layer2.*", "ff.net.2.*"}});
  struct Attention {
    std::string_view left, right;
  };
  for (const Attention& attention : {Attention{"self_attn.", "attn1."}, Attention{"cross_attn.", "attn2."}})
    add_rules(rules, sentence("blocks.#.", attention.left), sentence("transformer_blocks.#.", attention.right),
              {{"q_proj.*", "to_q.*"},
               {"k_proj.*", "to_k.*"},
               {"v_proj.*", "to_v.*"},
               {"q_norm.*", "norm_q.*"},
               {"k_norm.*", "norm_k.*"},
               {"output_proj.*", "to_out.0.*"},
               // What Transformer Engine keeps of modules that compute in F8.
               {"q_norm._extra_state", ""},
               {"k_norm._extra_state", ""},
               {"v_norm._extra_state", ""},
               {"attn_op._extra_state", ""}});
  return rules;
}

}  // namespace

ModelFamily cosmos_predict2_family() {
  return {.name = "cosmos-predict2",
          .role = ComponentRole::transformer,
          .left = Naming::original,
          .right = Naming::diffusers,
          .left_signs = {"blocks.#.adaln_modulation_self_attn.1.weight", "blocks.#.self_attn.output_proj.weight"},
          .right_signs = {"transformer_blocks.#.norm1.linear_1.weight", "time_embed.t_embedder.linear_1.weight",
                          "patch_embed.proj.weight"},
          .rules = layout_rules};
}

}  // namespace ckmerge
