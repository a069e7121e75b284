// SPDX-License-Identifier: Apache-2.0
// The table of networks. Names are facts of the checkpoints people share: the original (CompVis) layout first, then
// that of diffusers. Special cases stand before what they are special cases of.
#include "core/names/architecture.h"

namespace ckmerge {
namespace {

constexpr const char* kDiffusion = "diffusion model";
constexpr const char* kLanguage = "language model";
constexpr const char* kText = "text encoder";
constexpr const char* kVae = "vae";

// The generations of Stable Diffusion are told by what they are made of: SDXL has label_emb and nine input blocks, SD 2
// projects by matrices (2-D), SD 1 by convolutions. Of SD 2 unCLIP and SDXL's refiner, which have the same names, and
// of files that lack most of them, the text encoder's width tells, at which cross attention looks.
constexpr const char* kCross = "input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight";
constexpr const char* kCrossDiffusers = "down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k.weight";
constexpr const char* kProjection = "input_blocks.1.1.proj_in.weight";
constexpr const char* kProjectionDiffusers = "down_blocks.1.attentions.0.proj_in.weight";
constexpr const char* kLabel = "label_emb.0.0.weight";
constexpr const char* kLabelDiffusers = "add_embedding.linear_1.weight";
constexpr int kRank = ArchitectureSign::kRank;
constexpr const char* kDouble = "double_blocks.0.img_attn.qkv.weight";
constexpr const char* kHunyuan = "txt_in.individual_token_refiner.blocks.0.norm1.weight";
constexpr const char* kHunyuanDiffusers = "context_embedder.token_refiner.refiner_blocks.0.attn.to_k.weight";
constexpr const char* kLlama = "model.layers.0.self_attn.q_proj.weight";
constexpr const char* kLlamaBare = "layers.0.self_attn.q_proj.weight";  // as a class without a head saves it
constexpr const char* kEmbedding = "embed_tokens.weight";
constexpr const char* kClip = "text_model.encoder.layers.0.self_attn.q_proj.weight";
constexpr const char* kClipBare = "encoder.layers.0.self_attn.q_proj.weight";
constexpr const char* kClipTokens = "embeddings.token_embedding.weight";

constexpr ArchitectureRule kRules[] = {
    {"svd", kDiffusion, {{"input_blocks.1.1.time_stack.0.attn2.to_k.weight"}}},
    {"sdxl", kDiffusion, {{kLabel}, {kProjection}}, 9},
    {"sd2", kDiffusion, {{kLabel}, {kProjection}, {kCross, 1, 1024}}, 12},
    {"sdxl-refiner", kDiffusion, {{kLabel}, {kProjection}}, 12},
    {"sdxl", kDiffusion, {{kLabelDiffusers}, {kProjectionDiffusers}}, 3},
    {"sdxl-refiner", kDiffusion, {{kLabelDiffusers}, {kProjectionDiffusers}}, 4},
    {"sdxl-refiner", kDiffusion, {{kCross, 1, 1280}, {kLabel}}},
    {"sd1", kDiffusion, {{kProjection, kRank, 4}, {kCross}}},
    {"sd1", kDiffusion, {{kProjectionDiffusers, kRank, 4}, {kCrossDiffusers}}},
    {"sdxl", kDiffusion, {{kCross, 1, 2048}}},
    {"sd2", kDiffusion, {{kCross, 1, 1024}}},
    {"sd1", kDiffusion, {{kCross, 1, 768}}},
    {"sdxl", kDiffusion, {{kCrossDiffusers, 1, 2048}}},
    {"sd2", kDiffusion, {{kCrossDiffusers, 1, 1024}}},
    {"sd1", kDiffusion, {{kCrossDiffusers, 1, 768}}},
    {"sd2", kDiffusion, {{kProjection, kRank, 2}, {kCross}}, 12},
    {"sd2", kDiffusion, {{kProjectionDiffusers, kRank, 2}, {kCrossDiffusers}}, 4},
    {"sd3", kDiffusion, {{"joint_blocks.0.context_block.attn.qkv.weight"}}},
    {"hunyuan-video-1.5", kDiffusion, {{kHunyuan}, {"vision_in.proj.0.weight"}}},
    {"hunyuan-video-1.5", kDiffusion, {{kHunyuanDiffusers}, {"image_embedder.norm_in.weight"}}},
    {"hunyuan-image", kDiffusion, {{kHunyuan}, {"byt5_in.fc1.weight"}}},
    {"hunyuan-image", kDiffusion, {{kHunyuanDiffusers}, {"context_embedder_2.linear_1.weight"}}},
    {"hunyuan3d", kDiffusion, {{kDouble}, {"latent_in.weight"}}},
    {"hunyuan3d", kDiffusion, {{"model.double_blocks.0.img_attn.qkv.weight"}, {"model.latent_in.weight"}}},
    {"hunyuan-video", kDiffusion, {{kHunyuanDiffusers}}},
    {"hunyuan-video", kDiffusion, {{kDouble}, {"txt_in.individual_token_refiner.blocks.0.self_attn.qkv.weight"}}},
    {"hunyuan-video", kDiffusion, {{kHunyuan}}},
    {"chroma-radiance", kDiffusion, {{kDouble}, {"distilled_guidance_layer.in_proj.weight"}, {"img_in_patch.weight"}}},
    {"chroma", kDiffusion, {{kDouble}, {"distilled_guidance_layer.in_proj.weight"}}},
    {"flux2", kDiffusion, {{kDouble}, {"double_stream_modulation_img.lin.weight"}}},
    {"flux-dev", kDiffusion, {{kDouble}, {"guidance_in.in_layer.weight"}}},
    {"flux-schnell", kDiffusion, {{kDouble}}},
    {"chroma",
     kDiffusion,
     {{"single_transformer_blocks.0.attn.to_k.weight"}, {"distilled_guidance_layer.in_proj.weight"}}},
    {"flux2", kDiffusion, {{"single_transformer_blocks.0.attn.to_qkv_mlp_proj.weight"}}},
    {"flux-dev",
     kDiffusion,
     {{"single_transformer_blocks.0.attn.to_k.weight"}, {"time_text_embed.guidance_embedder.linear_1.weight"}}},
    {"flux-schnell",
     kDiffusion,
     {{"single_transformer_blocks.0.attn.to_k.weight"}, {"time_text_embed.text_embedder.linear_1.weight"}}},
    {"auraflow", kDiffusion, {{"double_layers.0.attn.w1q.weight"}}},
    {"auraflow", kDiffusion, {{"joint_transformer_blocks.0.attn.add_k_proj.weight"}}},
    {"hidream",
     kDiffusion,
     {{"caption_projection.0.linear.weight"}, {"double_stream_blocks.0.block.adaLN_modulation.1.weight"}}},
    {"cosmos1", kDiffusion, {{"blocks.block0.blocks.0.block.attn.to_q.0.weight"}}},
    {"cosmos-predict2", kDiffusion, {{"blocks.0.adaln_modulation_self_attn.1.weight"}}},
    {"hunyuan-dit", kDiffusion, {{"mlp_t5.0.weight"}}},
    {"hunyuan3d-2.1",
     kDiffusion,
     {{"t_embedder.mlp.2.weight"}, {"blocks.0.attn2.out_proj.weight"}, {"blocks.0.norm3.weight"}}},
    {"hunyuan3d-2.1",
     kDiffusion,
     {{"model.t_embedder.mlp.2.weight"}, {"model.blocks.0.attn2.out_proj.weight"}, {"model.blocks.0.norm3.weight"}}},
    {"stable-audio", kDiffusion, {{"to_timestep_embed.0.weight"}, {"to_cond_embed.0.weight"}}},
    {"stable-cascade", kDiffusion, {{"clip_txt_mapper.weight"}}},
    {"stable-cascade-decoder", kDiffusion, {{"clip_mapper.weight"}, {"effnet_mapper.0.weight"}}},
    {"stable-cascade-decoder", kDiffusion, {{"clip_txt_pooled_mapper.weight"}, {"effnet_mapper.0.weight"}}},
    {"wan", kDiffusion, {{"blocks.0.cross_attn.norm_k.weight"}, {"head.modulation"}}},
    {"wan", kDiffusion, {{"blocks.0.self_attn.q.weight"}, {"head.modulation"}}},
    {"wan", kDiffusion, {{"condition_embedder.time_embedder.linear_1.weight"}, {"blocks.0.attn1.to_q.weight"}}},
    {"sana", kDiffusion, {{"blocks.0.cross_attn.kv_linear.weight"}, {"blocks.0.mlp.inverted_conv.conv.weight"}}},
    {"sana", kDiffusion, {{"transformer_blocks.0.ff.conv_inverted.weight"}}},
    {"pixart", kDiffusion, {{"blocks.0.cross_attn.kv_linear.weight"}}},
    {"pixart", kDiffusion, {{"adaln_single.emb.timestep_embedder.linear_1.weight"}, {"pos_embed.proj.weight"}}},
    {"z-image", kDiffusion, {{"cap_pad_token"}, {"layers.0.attention.qkv.weight"}}},
    {"z-image", kDiffusion, {{"cap_pad_token"}, {"layers.0.attention.to_q.weight"}}},
    {"omnigen2", kDiffusion, {{"ref_image_patch_embedder.weight"}}},
    {"ernie-image", kDiffusion, {{"layers.0.adaLN_sa_ln.weight"}, {"layers.0.self_attention.to_q.weight"}}},
    {"lumina2", kDiffusion, {{"time_caption_embed.caption_embedder.1.weight"}}},
    {"lumina2", kDiffusion, {{"cap_embedder.1.weight"}, {"layers.0.attention.qkv.weight"}}},
    {"krea2", kDiffusion, {{"blocks.0.mod.lin"}, {"txtfusion.projector.weight"}}},
    {"krea2", kDiffusion, {{"transformer_blocks.0.attn.to_gate.weight"}, {"text_fusion.projector.weight"}}},
    {"flux3", kDiffusion, {{"single_blocks.0.mlp_in.weight"}, {"single_blocks.0.q_proj.weight"}}},
    {"flux3",
     kDiffusion,
     {{"single_transformer_blocks.0.ff.linear_in.weight"}, {"txt_mode_blocks.0.attn.to_q.weight"}}},
    {"qwen-image-2.1", kDiffusion, {{"transformer_blocks.0.img_mlp.gate_up.weight"}}},
    {"qwen-image-2.1", kDiffusion, {{"transformer_blocks.0.img_mlp.gate_layer.weight"}}},
    {"qwen-image", kDiffusion, {{"transformer_blocks.0.attn.add_q_proj.weight"}, {"txt_norm.weight"}}},
    {"sd3", kDiffusion, {{"transformer_blocks.0.attn.add_k_proj.weight"}, {"pos_embed.proj.weight"}}},
    {"ltx2", kDiffusion, {{"audio_patchify_proj.weight"}, {"patchify_proj.weight"}}},
    {"ltx2", kDiffusion, {{"audio_time_embed.linear.weight"}, {"audio_proj_in.weight"}}},
    {"ltx-video",
     kDiffusion,
     {{"transformer_blocks.0.attn2.to_k.weight"}, {"adaln_single.emb.timestep_embedder.linear_1.weight"}}},
    {"ltx-video", kDiffusion, {{"time_embed.emb.timestep_embedder.linear_1.weight"}, {"proj_in.weight"}}},
    {"mochi", kDiffusion, {{"blocks.0.attn.qkv_x.weight"}}},

    {"deepseek", kLanguage, {{"model.layers.0.self_attn.kv_a_proj_with_mqa.weight"}}},
    {"mixtral", kLanguage, {{"model.layers.0.block_sparse_moe.gate.weight"}}},
    {"mixtral", kLanguage, {{"layers.0.block_sparse_moe.gate.weight"}, {kEmbedding}}},
    {"gemma3",
     kLanguage,
     {{"model.layers.0.pre_feedforward_layernorm.weight"}, {"model.layers.0.self_attn.q_norm.weight"}}},
    {"gemma2", kLanguage, {{"model.layers.0.pre_feedforward_layernorm.weight"}}},
    {"qwen3-moe",
     kLanguage,
     {{"model.layers.0.self_attn.q_norm.weight"}, {"model.layers.0.mlp.experts.0.up_proj.weight"}}},
    {"qwen3-moe", kLanguage, {{"model.layers.0.self_attn.q_norm.weight"}, {"model.layers.0.mlp.experts.gate_up_proj"}}},
    {"qwen3-moe", kLanguage, {{"layers.0.self_attn.q_norm.weight"}, {"layers.0.mlp.experts.0.up_proj.weight"}}},
    {"qwen3-moe", kLanguage, {{"layers.0.self_attn.q_norm.weight"}, {"layers.0.mlp.experts.gate_up_proj"}}},
    {"qwen2-moe",
     kLanguage,
     {{"model.layers.0.self_attn.q_proj.bias"}, {"model.layers.0.mlp.shared_expert.gate_proj.weight"}}},
    {"mixtral", kLanguage, {{"model.layers.0.mlp.experts.gate_up_proj"}, {"model.layers.0.mlp.gate.weight"}, {kLlama}}},
    {"mixtral", kLanguage, {{"layers.0.mlp.experts.gate_up_proj"}, {"layers.0.mlp.gate.weight"}, {kLlamaBare}}},
    {"qwen3", kLanguage, {{"model.layers.0.self_attn.q_norm.weight"}, {kLlama}}},
    {"qwen2", kLanguage, {{"model.layers.0.self_attn.q_proj.bias"}, {"model.layers.0.mlp.gate_proj.weight"}}},
    {"qwen2",
     kLanguage,
     {{"model.language_model.layers.0.self_attn.q_proj.bias"}, {"model.language_model.layers.0.mlp.gate_proj.weight"}}},
    {"phi3", kLanguage, {{"model.layers.0.self_attn.qkv_proj.weight"}}},
    {"phi", kLanguage, {{"model.layers.0.self_attn.dense.weight"}, {kLlama}}},
    {"llama", kLanguage, {{kLlama}}},
    {"gemma3",
     kLanguage,
     {{"layers.0.pre_feedforward_layernorm.weight"}, {"layers.0.self_attn.q_norm.weight"}, {kEmbedding}}},
    {"gemma2", kLanguage, {{"layers.0.pre_feedforward_layernorm.weight"}, {kEmbedding}}},
    {"qwen3", kLanguage, {{"layers.0.self_attn.q_norm.weight"}, {kLlamaBare}, {kEmbedding}}},
    {"qwen2", kLanguage, {{"layers.0.self_attn.q_proj.bias"}, {"layers.0.mlp.gate_proj.weight"}, {kEmbedding}}},
    {"llama", kLanguage, {{kLlamaBare}, {"layers.0.mlp.gate_proj.weight"}, {kEmbedding}}},
    {"gpt-neox", kLanguage, {{"gpt_neox.layers.0.attention.query_key_value.weight"}}},
    {"gpt2", kLanguage, {{"h.0.attn.c_attn.weight"}}},
    {"bloom", kLanguage, {{"h.0.self_attention.query_key_value.bias"}}},
    {"falcon", kLanguage, {{"h.0.self_attention.query_key_value.weight"}}},
    {"mpt", kLanguage, {{"blocks.0.attn.Wqkv.weight"}}},
    {"mamba", kLanguage, {{"backbone.layers.0.mixer.A_log"}}},
    {"rwkv", kLanguage, {{"blocks.0.att.key.weight"}, {"blocks.0.ffn.key.weight"}}},
    {"whisper", "speech model", {{"model.encoder.conv1.weight"}, {"model.decoder.embed_tokens.weight"}}},

    {"clip-vision", "vision encoder", {{"vision_model.encoder.layers.0.self_attn.q_proj.weight"}}},
    {"clip-l", kText, {{kClip, 1, 768}}},
    {"clip-h", kText, {{kClip, 1, 1024}}},
    {"clip-g", kText, {{kClip, 1, 1280}}},
    {"clip-l", kText, {{kClipBare, 1, 768}, {kClipTokens}}},
    {"clip-h", kText, {{kClipBare, 1, 1024}, {kClipTokens}}},
    {"clip-g", kText, {{kClipBare, 1, 1280}, {kClipTokens}}},
    {"t5-xxl", kText, {{"encoder.block.0.layer.0.SelfAttention.q.weight", 1, 4096}}},
    {"t5", kText, {{"encoder.block.0.layer.0.SelfAttention.q.weight"}}},
    {"bert", kText, {{"encoder.layer.0.attention.self.query.weight"}}},

    {"wan", kVae, {{"decoder.middle.0.residual.0.gamma"}}},
    {"wan", kVae, {{"decoder.mid_block.resnets.0.norm1.gamma"}}},
    {"ltx-video", kVae, {{"decoder.up_blocks.0.res_blocks.0.conv1.conv.weight"}}},
    {"ltx-video", kVae, {{"decoder.mid_block.resnets.0.conv1.conv.weight"}}},
    {"sd", kVae, {{"decoder.conv_in.weight", 1, 4}}},
    {"flux", kVae, {{"decoder.conv_in.weight", 1, 16}, {"decoder.mid.block_1.conv1.weight"}}},
    {"flux", kVae, {{"decoder.conv_in.weight", 1, 16}, {"decoder.mid_block.resnets.0.conv1.weight"}}},

    {"sdxl", "embedding", {{"clip_l"}, {"clip_g"}}},
    {"sd1", "embedding", {{"emb_params", 1, 768}}},
    {"sd2", "embedding", {{"emb_params", 1, 1024}}},
    {"esrgan", "upscaler", {{"conv_first.weight"}, {"body.0.rdb1.conv1.weight"}}},
    {"esrgan", "upscaler", {{"model.1.sub.0.RDB1.conv1.0.weight"}}},
};

}  // namespace

std::span<const ArchitectureRule> architecture_rules() { return kRules; }

}  // namespace ckmerge
