// SPDX-License-Identifier: Apache-2.0
// The rows of core/families/model_families, each made by a file of its own, and rules that several families share.
#pragma once

#include "core/families/model_family.h"

namespace ckmerge {

ModelFamily auraflow_family();
ModelFamily bare_clip_family();
ModelFamily chroma_family();
ModelFamily chroma_radiance_family();
ModelFamily clip_family();
ModelFamily flux_family();
ModelFamily flux2_family();
ModelFamily gemma2_family();
ModelFamily llama_family();
ModelFamily lumina2_family();
ModelFamily qwen2_family();
ModelFamily qwen3_family();
ModelFamily sd3_family();
ModelFamily t5_family();
ModelFamily umt5_family();
ModelFamily z_image_family();

ModelFamily autoencoder_dc_family();
ModelFamily autoencoder_kl_family();
ModelFamily flux_controlnet_family();
ModelFamily flux3_family();
ModelFamily hidream_family();
ModelFamily krea2_family();
ModelFamily minimax_h3_family();
ModelFamily pixart_family();
ModelFamily qwen_image_family();
ModelFamily qwen_image_21_family();
ModelFamily sana_family();
ModelFamily sd_controlnet_family();
ModelFamily sd3_controlnet_family();
ModelFamily sd_unet_family();
ModelFamily stable_cascade_family();
ModelFamily stable_cascade_comfy_family();
ModelFamily stable_cascade_decoder_family();
ModelFamily stable_cascade_decoder_comfy_family();
ModelFamily z_image_controlnet_family();

// core/families/single_named
ModelFamily ernie_image_family();
ModelFamily hunyuan3d_family();
ModelFamily hunyuan3d_21_family();
ModelFamily omnigen2_family();
ModelFamily stable_audio_family();

// core/families/videos
ModelFamily cosmos1_family();
ModelFamily cosmos_predict2_family();
ModelFamily hunyuan_video_family();
ModelFamily hunyuan_video_comfy_family();
ModelFamily hunyuan_video_15_family();
ModelFamily hunyuan_video_15_comfy_family();
ModelFamily hunyuan_image_family();
ModelFamily hunyuan_image_comfy_family();
ModelFamily ltx2_family();
ModelFamily ltx2_audio_vae_family();
ModelFamily ltx_vae_family();
ModelFamily ltx_video_family();
ModelFamily mochi_family();
ModelFamily wan_family();
ModelFamily wan_animate_family();
ModelFamily wan_vae_family();
ModelFamily wan_22_vae_family();

/// Of blocks as Flux.1 has them.
LayoutRules flux_attention_rules();
LayoutRules flux_mlp_rules();
LayoutRules flux_single_rules();

}  // namespace ckmerge
