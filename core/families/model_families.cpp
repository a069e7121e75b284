// SPDX-License-Identifier: Apache-2.0
#include "core/families/family_rows.h"

namespace ckmerge {

std::span<const ModelFamily> model_families() {
  static const std::vector<ModelFamily> kFamilies = {
      chroma_radiance_family(),
      chroma_family(),
      flux2_family(),
      flux3_family(),
      flux_family(),
      sd3_family(),
      auraflow_family(),
      z_image_family(),
      lumina2_family(),
      hunyuan_video_family(),
      hunyuan_video_comfy_family(),
      wan_animate_family(),
      wan_family(),
      ltx_video_family(),
      mochi_family(),
      cosmos_predict2_family(),
      sana_family(),
      pixart_family(),
      qwen_image_family(),
      qwen_image_21_family(),
      hidream_family(),
      krea2_family(),
      minimax_h3_family(),
      sd_unet_family(),
      autoencoder_kl_family(),
      wan_22_vae_family(),
      wan_vae_family(),
      ltx_vae_family(),
      clip_family(),
      bare_clip_family(),
      umt5_family(),
      t5_family(),
      gemma2_family(),
      qwen3_family(),
      qwen2_family(),
      llama_family(),
  };
  return kFamilies;
}

}  // namespace ckmerge
