// SPDX-License-Identifier: Apache-2.0
// LTX-2, which makes sound with its pictures (diffusers 0.42.1: convert_ltx2_transformer_to_diffusers,
// convert_ltx2_audio_vae_to_diffusers). Its other VAE is LTX-Video's.
#include "core/families/family_rows.h"
#include "core/families/rule_rows.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

LayoutRules transformer_rules(const ComponentNames& /*names*/, bool /*from_left*/) {
  LayoutRules rules;
  add_rules(rules, "", "",
            {{"patchify_proj.*", "proj_in.*"},
             {"audio_patchify_proj.*", "audio_proj_in.*"},
             {"adaln_single.*", "time_embed.*"},
             {"audio_adaln_single.*", "audio_time_embed.*"},
             {"av_ca_video_scale_shift_adaln_single.*", "av_cross_attn_video_scale_shift.*"},
             {"av_ca_a2v_gate_adaln_single.*", "av_cross_attn_video_a2v_gate.*"},
             {"av_ca_audio_scale_shift_adaln_single.*", "av_cross_attn_audio_scale_shift.*"},
             {"av_ca_v2a_gate_adaln_single.*", "av_cross_attn_audio_v2a_gate.*"},
             {"prompt_adaln_single.*", "prompt_adaln.*"},
             {"audio_prompt_adaln_single.*", "audio_prompt_adaln.*"}});
  const std::string block = "transformer_blocks.#.";
  for (const char* attention :
       {"attn1.", "attn2.", "audio_attn1.", "audio_attn2.", "audio_to_video_attn.", "video_to_audio_attn."})
    add_rules(rules, sentence(block, attention), sentence(block, attention),
              {{"q_norm.*", "norm_q.*"}, {"k_norm.*", "norm_k.*"}, {"*", "*"}});
  add_rules(rules, block, block,
            {{"scale_shift_table_a2v_ca_video", "video_a2v_cross_attn_scale_shift_table"},
             {"scale_shift_table_a2v_ca_audio", "audio_a2v_cross_attn_scale_shift_table"},
             {"*", "*"}});
  add_kept(rules, {"caption_projection.*", "audio_caption_projection.*", "proj_out.*", "audio_proj_out.*",
                   "scale_shift_table", "audio_scale_shift_table"});
  return rules;
}

LayoutRules audio_rules(const ComponentNames& /*names*/, bool /*from_left*/) {
  LayoutRules rules;
  add_rules(rules, "", "",
            {{"per_channel_statistics.mean-of-means", "latents_mean"},
             {"per_channel_statistics.std-of-means", "latents_std"},
             {"encoder.*", "encoder.*"},
             {"decoder.*", "decoder.*"}});
  return rules;
}

}  // namespace

ModelFamily ltx2_family() {
  return {.name = "ltx2",
          .role = ComponentRole::transformer,
          .left = Naming::original,
          .right = Naming::diffusers,
          .left_signs = {"patchify_proj.weight", "audio_patchify_proj.weight",
                         "transformer_blocks.#.audio_attn1.to_q.weight"},
          .right_signs = {"proj_in.weight", "audio_proj_in.weight", "audio_time_embed.linear.weight",
                          "transformer_blocks.#.audio_attn1.to_q.weight"},
          .rules = transformer_rules};
}

ModelFamily ltx2_audio_vae_family() {
  return {.name = "ltx2-audio-vae",
          .role = ComponentRole::audio_vae,
          .left = Naming::original,
          .right = Naming::diffusers,
          .left_signs = {"per_channel_statistics.mean-of-means", "decoder.up.#.block.#.conv1.conv.weight"},
          .right_signs = {"latents_mean", "decoder.up.#.block.#.conv1.conv.weight"},
          .rules = audio_rules,
          .prefix_alone = "audio_vae."};
}

}  // namespace ckmerge
