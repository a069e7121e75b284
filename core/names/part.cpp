// SPDX-License-Identifier: Apache-2.0
#include "core/names/part.h"

#include <algorithm>

#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

struct Prefix {
  std::string_view text;
  Part part;
};

// Those of one file first (sources: ComfyUI's supported_models.py), then those of folders.
constexpr auto kPrefixes = std::to_array<Prefix>({
    {"model.diffusion_model.", Part::unet},
    {"cond_stage_model.", Part::te},
    {"conditioner.", Part::te},
    {"text_encoders.", Part::te},
    {"first_stage_model.", Part::vae},
    {"vae.", Part::vae},
    {"audio_vae.", Part::vae},  // LTX-2: what turns latents into sound is of the same part
    {"vocoder.", Part::vae},
    {"text_embedding_projection.", Part::te},
    {"model.model.double_blocks.", Part::unet},  // HunyuanVideo; model.model. alone is a language model's, too
    {"model.model.single_blocks.", Part::unet},
    {"model.model.img_in.", Part::unet},
    {"model.model.txt_in.", Part::unet},
    {"model.model.time_in.", Part::unet},
    {"model.model.vector_in.", Part::unet},
    {"model.model.guidance_in.", Part::unet},
    {"model.model.final_layer.", Part::unet},
    {"model.model.time_r_in.", Part::unet},
    {"model.model.byt5_in.", Part::unet},
    {"model.model.vision_in.", Part::unet},
    {"model.model.cond_type_embedding.", Part::unet},
    {"model.model.transformer.", Part::unet},  // Stable Audio
    {"model.model.to_timestep_embed.", Part::unet},
    {"model.model.timestep_features.", Part::unet},
    {"model.model.to_cond_embed.", Part::unet},
    {"model.model.to_global_embed.", Part::unet},
    {"model.model.preprocess_conv.", Part::unet},
    {"model.model.postprocess_conv.", Part::unet},
    {"model.latent_in.", Part::unet},  // Hunyuan3D; model. alone is a language model's, too
    {"model.cond_in.", Part::unet},
    {"model.time_in.", Part::unet},
    {"model.double_blocks.", Part::unet},
    {"model.single_blocks.", Part::unet},
    {"model.final_layer.", Part::unet},
    {"model.blocks.", Part::unet},
    {"model.x_embedder.", Part::unet},
    {"model.t_embedder.", Part::unet},
    {"pretransform.model.", Part::vae},
    {"text_encoder.", Part::te},  // Stable Cascade, and folders
    {"text_encoder_2.", Part::te},
    {"text_encoder_3.", Part::te},
    {"text_encoder_4.", Part::te},
    {"unet.", Part::unet},
    {"unet_2.", Part::unet},
    {"unet_3.", Part::unet},
    {"unet_4.", Part::unet},
    {"transformer_2.", Part::unet},  // Wan 2.2
    {"transformer_3.", Part::unet},
    {"transformer_4.", Part::unet},
    {"vae_2.", Part::vae},
    {"vae_3.", Part::vae},
    {"vae_4.", Part::vae},
});

constexpr std::string_view kFolderTransformer = "transformer.";

// What follows it in models of language and in text encoders, which have it, too.
constexpr auto kOfLanguage = std::to_array<std::string_view>({"h",
                                                              "resblocks",
                                                              "text_model",
                                                              "wte",
                                                              "wpe",
                                                              "ln_f",
                                                              "word_embeddings",
                                                              "word_embeddings_layernorm",
                                                              "encoder",
                                                              "decoder",
                                                              "embedding",
                                                              "embeddings",
                                                              "shared",
                                                              "model",
                                                              "visual",
                                                              "token_embedding",
                                                              "output_layer",
                                                              "rotary_pos_emb",
                                                              "layer",
                                                              "norm_f",
                                                              "logit_scale",
                                                              "text_projection"});

bool is_of_folder_transformer(std::string_view name) {
  if (!name.starts_with(kFolderTransformer)) return false;
  name.remove_prefix(kFolderTransformer.size());
  return std::ranges::find(kOfLanguage, name.substr(0, name.find('.'))) == kOfLanguage.end();
}

}  // namespace

std::optional<Part> part_of(std::string_view name) {
  for (const Prefix& prefix : kPrefixes)
    if (name.starts_with(prefix.text)) return prefix.part;
  return is_of_folder_transformer(name) ? std::optional(Part::unet) : std::nullopt;
}

std::vector<std::string_view> prefixes_of(Part part) {
  std::vector<std::string_view> prefixes;
  for (const Prefix& prefix : kPrefixes)
    if (prefix.part == part) prefixes.push_back(prefix.text);
  return prefixes;
}

Part parse_part(const char* where, std::string_view name) {
  const auto found = std::ranges::find(kPartNames, name);
  if (found == kPartNames.end())
    throw Error(ErrorCode::usage, where,
                sentence(where, ": there is no part '", name, "'; the parts are unet, te and vae"));
  return static_cast<Part>(found - kPartNames.begin());
}

}  // namespace ckmerge
