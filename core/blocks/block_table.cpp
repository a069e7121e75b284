// SPDX-License-Identifier: Apache-2.0
#include "core/blocks/block_table.h"

#include <algorithm>

namespace ckmerge {
namespace {

constexpr int kNone = BlockRow::kNone, kOfPath = BlockRow::kOfPath, kLastOut = BlockRow::kLastOut;

// In the naming of diffusers each level of a U-Net has two residual blocks on the way down and three on the way up.
constexpr BlockRow kUnet[] = {
    {"time_embed.", "IN", 0},
    {"label_emb.", "IN", 0},
    {"input_blocks.#.", "IN"},
    {"middle_block.", "M", 0},
    {"output_blocks.#.", "OUT"},
    {"out.", "OUT", kLastOut},
    {"conv_in.", "IN", 0},
    {"time_embedding.", "IN", 0},
    {"add_embedding.", "IN", 0},
    {"class_embedding.", "IN", 0},
    {"down_blocks.#.resnets.#.", "IN", kOfPath, 3, 1, 1},
    {"down_blocks.#.attentions.#.", "IN", kOfPath, 3, 1, 1},
    {"down_blocks.#.downsamplers.", "IN", kOfPath, 3, 0, 3},
    {"mid_block.", "M", 0},
    {"up_blocks.#.resnets.#.", "OUT", kOfPath, 3, 1, 0},
    {"up_blocks.#.attentions.#.", "OUT", kOfPath, 3, 1, 0},
    {"up_blocks.#.upsamplers.", "OUT", kOfPath, 3, 0, 2},
    {"conv_norm_out.", "OUT", kLastOut},
    {"conv_out.", "OUT", kLastOut},
};

constexpr BlockRow kSd3[] = {
    {"x_embedder.", "EMBED", kNone}, {"t_embedder.", "EMBED", kNone},
    {"y_embedder.", "EMBED", kNone}, {"context_embedder.", "EMBED", kNone},
    {"pos_embed", "EMBED", kNone},   {"time_text_embed.", "EMBED", kNone},
    {"joint_blocks.#.", "IN"},       {"transformer_blocks.#.", "IN"},
    {"final_layer.", "OUT", kNone},  {"norm_out.", "OUT", kNone},
    {"proj_out.", "OUT", kNone},
};

constexpr BlockRow kFlux[] = {
    {"text_encoders.clip", "CLIP", kNone},
    {"text_encoders.t5", "T5", kNone},
    {"cond_stage_model.t5", "T5", kNone},
    {"text_encoder.", "CLIP", kNone},  // of folders
    {"text_encoder_2.", "T5", kNone},
    {"text_encoders.", "TE", kNone},
    {"vae.", "VAE", kNone},
    {"first_stage_model.", "VAE", kNone},
    {"img_in.", "IN", kNone},
    {"txt_in.", "IN", kNone},
    {"time_in.", "IN", kNone},
    {"vector_in.", "IN", kNone},
    {"guidance_in.", "IN", kNone},
    {"x_embedder.", "IN", kNone},
    {"context_embedder.", "IN", kNone},
    {"time_text_embed.", "IN", kNone},
    {"time_guidance_embed.", "IN", kNone},
    {"distilled_guidance_layer.", "GUIDE", kNone},
    {"double_stream_modulation_", "MOD", kNone},
    {"single_stream_modulation.", "MOD", kNone},
    {"double_blocks.#.", "D"},
    {"transformer_blocks.#.", "D"},
    {"single_blocks.#.", "S"},
    {"single_transformer_blocks.#.", "S"},
    {"final_layer.", "OUT", kNone},
    {"norm_out.", "OUT", kNone},
    {"proj_out.", "OUT", kNone},
};

constexpr BlockRow kAuraFlow[] = {
    {"init_x_linear.", "IN", kNone},
    {"positional_encoding", "IN", kNone},
    {"cond_seq_linear.", "IN", kNone},
    {"register_tokens", "IN", kNone},
    {"t_embedder.", "IN", kNone},
    {"pos_embed.", "IN", kNone},
    {"context_embedder.", "IN", kNone},
    {"time_step_proj.", "IN", kNone},
    {"double_layers.#.", "D"},
    {"joint_transformer_blocks.#.", "D"},
    {"single_layers.#.", "S"},
    {"single_transformer_blocks.#.", "S"},
    {"modF.", "OUT", kNone},
    {"final_linear.", "OUT", kNone},
    {"norm_out.", "OUT", kNone},
    {"proj_out.", "OUT", kNone},
};

constexpr BlockRow kQwenImage[] = {
    {"text_encoder", "TE", kNone},  {"vae.", "VAE", kNone},      {"img_in.", "IN", kNone},
    {"txt_in.", "IN", kNone},       {"txt_norm.", "IN", kNone},  {"time_text_embed.", "IN", kNone},
    {"transformer_blocks.#.", "T"}, {"norm_out.", "OUT", kNone}, {"proj_out.", "OUT", kNone},
};

// Z-Image and Lumina 2, of which the one has what the other lacks.
constexpr BlockRow kZImage[] = {
    {"text_encoder", "TE", kNone},        {"vae.", "VAE", kNone},
    {"x_embedder.", "IN", kNone},         {"all_x_embedder.", "IN", kNone},
    {"cap_embedder.", "IN", kNone},       {"t_embedder.", "IN", kNone},
    {"time_caption_embed.", "IN", kNone}, {"x_pad_token", "IN", kNone},
    {"cap_pad_token", "IN", kNone},       {"noise_refiner.#.", "N"},
    {"context_refiner.#.", "C"},          {"layers.#.", "L"},
    {"final_layer.", "OUT", kNone},       {"all_final_layer.", "OUT", kNone},
    {"norm_out.", "OUT", kNone},
};

constexpr BlockRow kWan[] = {
    {"text_encoder", "TE", kNone},
    {"vae.", "VAE", kNone},
    {"patch_embedding.", "IN", kNone},
    {"text_embedding.", "IN", kNone},
    {"time_embedding.", "IN", kNone},
    {"time_projection.", "IN", kNone},
    {"img_emb.", "IN", kNone},
    {"condition_embedder.", "IN", kNone},
    {"vace_patch_embedding.", "IN", kNone},
    {"blocks.#.", "B"},
    {"vace_blocks.#.", "V"},
    {"head.", "OUT", kNone},
    {"proj_out.", "OUT", kNone},
    {"scale_shift_table", "OUT", kNone},
};

// Language models, text encoders, and whatever has numbered layers.
constexpr BlockRow kLayers[] = {
    {"text_encoder", "TE", kNone},
    {"cond_stage_model.", "TE", kNone},
    {"conditioner.", "TE", kNone},
    {"first_stage_model.", "VAE", kNone},
    {"vae.", "VAE", kNone},
    {"llm_adapter.", "ADAPTER", kNone},
    {"*embed_tokens.", "EMBED", kNone},
    {"*wte.", "EMBED", kNone},
    {"*wpe.", "EMBED", kNone},
    {"*word_embeddings.", "EMBED", kNone},
    {"*token_embedding.", "EMBED", kNone},
    {"*embed_in.", "EMBED", kNone},
    {"x_embedder.", "EMBED", kNone},
    {"t_embedder.", "EMBED", kNone},
    {"*vision_model.encoder.layers.#.", "V"},
    {"*visual.blocks.#.", "V"},
    {"*decoder.layers.#.", "DL"},
    {"*decoder.block.#.", "DB"},
    {"*layers.#.", "L"},
    {"*h.#.", "L"},
    {"*double_stream_blocks.#.", "D"},
    {"*single_stream_blocks.#.", "S"},
    {"*double_blocks.#.", "D"},
    {"*single_blocks.#.", "S"},
    {"*single_transformer_blocks.#.", "S"},
    {"*transformer_blocks.#.", "T"},
    {"*joint_blocks.#.", "B"},
    {"*resblocks.#.", "B"},
    {"*blocks.#.", "B"},
    {"*block.#.", "B"},
    {"*layer.#.", "L"},
    {"lm_head.", "HEAD", kNone},
    {"embed_out.", "HEAD", kNone},
    {"final_layer.", "HEAD", kNone},
};

// supermerger's lists. One of 26 for SDXL leaves out the blocks that SDXL lacks.
constexpr BlockList kSdLists[] = {{26, "BASE IN00..IN11 M00 OUT00..OUT11"}, {25, "IN00..IN11 M00 OUT00..OUT11"}};
constexpr BlockList kSdxlLists[] = {{20, "BASE IN00..IN08 M00 OUT00..OUT08"},
                                    {19, "IN00..IN08 M00 OUT00..OUT08"},
                                    {21, "BASE IN00..IN08 M00 OUT00..OUT08 first_stage_model."},
                                    {26, "BASE IN00..IN08 - - - M00 OUT00..OUT08 - - -"},
                                    {25, "IN00..IN08 - - - M00 OUT00..OUT08 - - -"}};
constexpr BlockList kFluxLists[] = {{61, "CLIP T5 IN D00..D18 S00..S37 OUT VAE=0"}};

constexpr BlockAlias kUnetAliases[] = {{"MID", "M"}, {"MIDDLE", "M"}};
constexpr BlockAlias kFluxAliases[] = {{"DOUBLE", "D"}, {"SINGLE", "S"}};

constexpr std::string_view kOfSd[] = {"sd1", "sd2", "svd", "sdxl-refiner"}, kOfSdxl[] = {"sdxl"}, kOfSd3[] = {"sd3"},
                           kOfFlux[] = {"flux", "flux-dev", "flux-schnell"},
                           kOfFluxKin[] = {"flux2", "chroma", "hunyuan-video"}, kOfAuraFlow[] = {"auraflow"},
                           kOfQwenImage[] = {"qwen-image"}, kOfZImage[] = {"z-image", "lumina2"}, kOfWan[] = {"wan"};

constexpr BlockTable kTables[] = {
    {"Stable Diffusion", kOfSd, kUnet, kSdLists, kUnetAliases, 11},
    {"SDXL", kOfSdxl, kUnet, kSdxlLists, kUnetAliases, 8},
    {"SD 3", kOfSd3, kSd3},
    {"Flux", kOfFlux, kFlux, kFluxLists, kFluxAliases},
    {"Flux.2, Chroma and HunyuanVideo", kOfFluxKin, kFlux, {}, kFluxAliases},
    {"AuraFlow", kOfAuraFlow, kAuraFlow},
    {"Qwen-Image", kOfQwenImage, kQwenImage},
    {"Z-Image and Lumina 2", kOfZImage, kZImage},
    {"Wan", kOfWan, kWan},
    {"numbered layers", {}, kLayers},
};

}  // namespace

std::span<const BlockTable> block_tables() { return kTables; }

const BlockTable& generic_block_table() { return block_tables().back(); }

const BlockTable& block_table(std::string_view architecture) {
  for (const std::string_view kind : {"-inpainting", "-pix2pix"})
    if (architecture.ends_with(kind)) architecture.remove_suffix(kind.size());
  for (const BlockTable& table : block_tables())
    if (std::ranges::find(table.architectures, architecture) != table.architectures.end()) return table;
  return generic_block_table();
}

}  // namespace ckmerge
