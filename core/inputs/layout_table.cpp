// SPDX-License-Identifier: Apache-2.0
// The table of layouts. Sources: ComfyUI's supported_models.py and model_detection.py, the checkpoints of Stability AI
// and Black Forest Labs. A family that is not here is refused by name, not written under another's prefixes.
#include "core/inputs/layout_table.h"

namespace ckmerge {
namespace {

constexpr const char* kUnet = "model.diffusion_model.";
constexpr const char* kAudioUnet = "model.model.";  // of HunyuanVideo and its kin, too
constexpr const char* kOldVae = "first_stage_model.";
constexpr const char* kVae = "vae.";
constexpr const char* kOldText = "cond_stage_model.";
constexpr const char* kText = "text_encoders.";
constexpr const char* kTransformer = "transformer.";
constexpr Latents kSmall{2, 4}, kLarge{2, 16}, kVideo{3, 0},  // Wan 2.1 has 16 and Wan 2.2 5B 48
    kWanVae{3, 16};
constexpr EncoderPlace kT5{Encoder::t5, false, "text_encoders.t5xxl.", kTransformer};
constexpr EncoderPlace kClipL{Encoder::clip_l, false, "text_encoders.clip_l.", kTransformer};

constexpr EncoderPlace text(Encoder encoder, const char* prefix) { return {encoder, false, prefix, kTransformer}; }
constexpr EncoderPlace kQwen = text(Encoder::qwen2, "text_encoders.qwen25_7b.");
constexpr EncoderPlace kByT5 = text(Encoder::byt5, "text_encoders.byt5_small.");

// SD 1 and SDXL keep no projection and no scale of CLIP-L: they do not use them.
constexpr Layout kLayouts[] = {
    {"sd1", {"sd1"}, "input_blocks.", kSmall, kOldVae, kOldText, {text(Encoder::clip_l, "cond_stage_model.")}},
    {"sd2", {"sd2"}, "input_blocks.", kSmall, kOldVae, kOldText, {{Encoder::clip_h, true, "cond_stage_model.model."}}},
    {"sdxl",
     {"sdxl"},
     "input_blocks.",
     kSmall,
     kOldVae,
     "conditioner.",
     {text(Encoder::clip_l, "conditioner.embedders.0."), {Encoder::clip_g, true, "conditioner.embedders.1.model."}}},
    {"sdxl-refiner",
     {"sdxl-refiner"},
     "input_blocks.",
     kSmall,
     kOldVae,
     "conditioner.",
     {{Encoder::clip_g, true, "conditioner.embedders.0.model."}},
     kUnet,
     1},
    {"sd3",
     {"sd3"},
     "joint_blocks.",
     kLarge,
     kOldVae,
     kText,
     {kClipL, text(Encoder::clip_g, "text_encoders.clip_g."), kT5}},
    {"flux", {"flux-dev", "flux-schnell"}, "double_blocks.", kLarge, kVae, kText, {kClipL, kT5}},
    {"chroma", {"chroma"}, "double_blocks.", kLarge, kOldVae, kOldText, {text(Encoder::t5, "cond_stage_model.t5xxl.")}},
    // It makes no latents, but pixels.
    {"chroma-radiance",
     {"chroma-radiance"},
     "nerf_blocks.",
     Latents{2, 3},
     kOldVae,
     kOldText,
     {text(Encoder::t5, "cond_stage_model.t5xxl.")}},
    {"cosmos1", {"cosmos1"}, ".block.attn.to_q.", Latents{3, 16}, kVae, kText, {kT5}},
    {"cosmos-predict2",
     {"cosmos-predict2"},
     "adaln_modulation_self_attn.",
     kWanVae,
     kOldVae,
     kOldText,
     {text(Encoder::t5, "cond_stage_model.t5xxl.")}},
    {"hunyuan-video",
     {"hunyuan-video"},
     "txt_in.individual_token_refiner.",
     kVideo,
     kVae,
     kText,
     {text(Encoder::llama, "text_encoders.llama."), kClipL},
     kAudioUnet},
    {"hunyuan-video-1.5", {"hunyuan-video-1.5"}, "vision_in.", Latents{3, 32}, kVae, kText, {kQwen, kByT5}, kAudioUnet},
    {"hunyuan-image", {"hunyuan-image"}, "byt5_in.", Latents{2, 64}, kVae, kText, {kQwen, kByT5}, kAudioUnet},
    {"stable-audio",
     {"stable-audio"},
     "to_timestep_embed.",
     Latents{1, 64},
     "pretransform.model.",
     kText,
     {text(Encoder::t5, "text_encoders.t5base.")},
     kAudioUnet},
    {"hunyuan3d", {"hunyuan3d", "hunyuan3d-2.1"}, "", Latents{1, 64}, kVae, "conditioner.", {}, "model."},
    {"stable-cascade",
     {"stable-cascade"},
     "clip_txt_mapper.",
     Latents{2, 4},
     kVae,
     "text_encoder.",
     {text(Encoder::clip_g, "text_encoder.clip_g.")}},
    {"svd", {"svd"}, "input_blocks.", kSmall, kOldVae, "conditioner.", {}},
    {"flux2", {"flux2"}, "double_blocks.", Latents{2, 32}, kVae, kText, {}},
    {"hidream", {"hidream"}, "double_stream_blocks.", kLarge, kVae, kText, {}},
    {"auraflow",
     {"auraflow"},
     "double_layers.",
     kSmall,
     kVae,
     kText,
     {text(Encoder::umt5, "text_encoders.pile_t5xl.")}},
    {"pixart", {"pixart"}, "cross_attn.kv_linear.", kSmall, kVae, kText, {kT5}},
    {"ltx-video", {"ltx-video"}, "patchify_proj.", kVideo, kVae, kText, {kT5}},
    {"ltx2", {"ltx2"}, "audio_patchify_proj.", kVideo, kVae, kText, {}},
    {"mochi", {"mochi"}, "attn.qkv_x.", kVideo, kVae, kText, {kT5}},
    {"lumina2",
     {"lumina2"},
     "attention.qkv.",
     kLarge,
     kVae,
     kText,
     {text(Encoder::gemma2, "text_encoders.gemma2_2b.")}},
    {"z-image", {"z-image"}, "attention.qkv.", kLarge, kVae, kText, {text(Encoder::qwen3, "text_encoders.qwen3_4b.")}},
    {"wan", {"wan"}, "self_attn.q.", kVideo, kVae, kText, {text(Encoder::umt5, "text_encoders.umt5xxl.")}},
    {"qwen-image", {"qwen-image"}, "txt_norm.", kWanVae, kVae, kText, {kQwen}},
    {"omnigen2",
     {"omnigen2"},
     "ref_image_patch_embedder.",
     kLarge,
     kVae,
     kText,
     {text(Encoder::qwen2, "text_encoders.qwen25_3b.")}},
};

}  // namespace

std::span<const Layout> layouts() { return kLayouts; }

}  // namespace ckmerge
