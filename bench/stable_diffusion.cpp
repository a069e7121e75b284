// SPDX-License-Identifier: Apache-2.0
// Stable Diffusion 1.5 and XL as single-file checkpoints: U-Net, autoencoder, text encoders, schedule. The U-Net's
// block numbers come from walking its configuration, as the published code does, so the names are exact.
#include <span>
#include <string>
#include <vector>

#include "bench/blueprint.h"

namespace ckmerge::bench {
namespace {

using std::to_string;

struct UnetShape {
  std::vector<uint64_t> multipliers;  ///< of 320 channels, one per level
  std::vector<int> depth;             ///< transformer blocks per level; 0 = no attention
  uint64_t context;                   ///< width of the text embedding
  uint64_t label;                     ///< width of the size and crop conditioning; 0 = none
  bool convolutional_projection;      ///< proj_in and proj_out are 1x1 convolutions
};

constexpr uint64_t kChannels = 320, kTime = 4 * kChannels;
constexpr int kResidualBlocks = 2;

class Unet {
 public:
  Unet(Blueprint& out, std::string prefix, const UnetShape& shape)
      : out_(out), prefix_(std::move(prefix)), shape_(shape) {}

  void build() {
    conditioning();
    down();
    middle();
    up();
    out_.normalisation(prefix_ + "out.0", kChannels);
    out_.convolution(prefix_ + "out.2", 4, kChannels, 3);
  }

 private:
  void conditioning() {
    out_.linear(prefix_ + "time_embed.0", kTime, kChannels);
    out_.linear(prefix_ + "time_embed.2", kTime, kTime);
    if (!shape_.label) return;
    out_.linear(prefix_ + "label_emb.0.0", kTime, shape_.label);
    out_.linear(prefix_ + "label_emb.0.2", kTime, kTime);
  }

  void down() {
    int block = 0;
    out_.convolution(input(block++) + "0", kChannels, 4, 3);
    skips_ = {kChannels};
    channels_ = kChannels;
    for (size_t level = 0; level < shape_.multipliers.size(); ++level) {
      for (int i = 0; i < kResidualBlocks; ++i, ++block) {
        residual(input(block) + "0", channels_, kChannels * shape_.multipliers[level]);
        if (shape_.depth[level]) attention(input(block) + "1", shape_.depth[level]);
        skips_.push_back(channels_);
      }
      if (level + 1 == shape_.multipliers.size()) break;
      out_.convolution(input(block++) + "0.op", channels_, channels_, 3);
      skips_.push_back(channels_);
    }
  }

  void middle() {
    int depth = 0;  // that of the deepest level with attention
    for (int d : shape_.depth) depth = d ? d : depth;
    residual(prefix_ + "middle_block.0", channels_, channels_);
    attention(prefix_ + "middle_block.1", depth);
    residual(prefix_ + "middle_block.2", channels_, channels_);
  }

  void up() {
    int block = 0;
    for (size_t level = shape_.multipliers.size(); level-- > 0;) {
      for (int i = 0; i <= kResidualBlocks; ++i, ++block) {
        const std::string name = prefix_ + "output_blocks." + to_string(block) + ".";
        residual(name + "0", channels_ + skips_.back(), kChannels * shape_.multipliers[level]);
        skips_.pop_back();
        if (shape_.depth[level]) attention(name + "1", shape_.depth[level]);
        if (level && i == kResidualBlocks)
          out_.convolution(name + (shape_.depth[level] ? "2.conv" : "1.conv"), channels_, channels_, 3);
      }
    }
  }

  void residual(const std::string& name, uint64_t in, uint64_t out) {
    out_.normalisation(name + ".in_layers.0", in);
    out_.convolution(name + ".in_layers.2", out, in, 3);
    out_.linear(name + ".emb_layers.1", out, kTime);
    out_.normalisation(name + ".out_layers.0", out);
    out_.convolution(name + ".out_layers.3", out, out, 3);
    if (in != out) out_.convolution(name + ".skip_connection", out, in, 1);
    channels_ = out;
  }

  void attention(const std::string& name, int depth) {
    out_.normalisation(name + ".norm", channels_);
    projection(name + ".proj_in");
    for (int d = 0; d < depth; ++d) transformer_block(name + ".transformer_blocks." + to_string(d) + ".");
    projection(name + ".proj_out");
  }

  void projection(const std::string& name) {
    if (shape_.convolutional_projection)
      out_.convolution(name, channels_, channels_, 1);
    else
      out_.linear(name, channels_, channels_);
  }

  void transformer_block(const std::string& name) {
    const uint64_t width = channels_;
    for (const auto& [attention, source] : {std::pair{"attn1.", width}, std::pair{"attn2.", shape_.context}}) {
      out_.linear(name + attention + "to_q", width, width, false);
      out_.linear(name + attention + "to_k", width, source, false);
      out_.linear(name + attention + "to_v", width, source, false);
      out_.linear(name + attention + "to_out.0", width, width);
    }
    out_.linear(name + "ff.net.0.proj", 8 * width, width);
    out_.linear(name + "ff.net.2", width, 4 * width);
    for (const char* norm : {"norm1", "norm2", "norm3"}) out_.normalisation(name + norm, width);
  }

  std::string input(int block) const { return prefix_ + "input_blocks." + to_string(block) + "."; }

  Blueprint& out_;
  std::string prefix_;
  const UnetShape& shape_;
  std::vector<uint64_t> skips_;
  uint64_t channels_ = 0;
};

/// The autoencoder that 1.x and XL share.
class Autoencoder {
 public:
  Autoencoder(Blueprint& out, std::string prefix) : out_(out), prefix_(std::move(prefix)) {}

  void build() {
    encoder(prefix_ + "encoder.");
    decoder(prefix_ + "decoder.");
    out_.convolution(prefix_ + "quant_conv", 8, 8, 1);
    out_.convolution(prefix_ + "post_quant_conv", 4, 4, 1);
  }

 private:
  static constexpr uint64_t kWidth[] = {128, 256, 512, 512};
  static constexpr int kLevels = 4;

  void encoder(const std::string& name) {
    out_.convolution(name + "conv_in", kWidth[0], 3, 3);
    uint64_t in = kWidth[0];
    for (int level = 0; level < kLevels; ++level) {
      const std::string down = name + "down." + to_string(level) + ".";
      level_blocks(down, 2, in, kWidth[level]);
      in = kWidth[level];
      if (level + 1 < kLevels) out_.convolution(down + "downsample.conv", in, in, 3);
    }
    middle(name + "mid.", in);
    out_.normalisation(name + "norm_out", in);
    out_.convolution(name + "conv_out", 8, in, 3);
  }

  void decoder(const std::string& name) {
    uint64_t in = kWidth[kLevels - 1];
    out_.convolution(name + "conv_in", in, 4, 3);
    middle(name + "mid.", in);
    for (int level = kLevels; level-- > 0;) {
      const std::string up = name + "up." + to_string(level) + ".";
      level_blocks(up, 3, in, kWidth[level]);
      in = kWidth[level];
      if (level) out_.convolution(up + "upsample.conv", in, in, 3);
    }
    out_.normalisation(name + "norm_out", in);
    out_.convolution(name + "conv_out", 3, in, 3);
  }

  void level_blocks(const std::string& name, int blocks, uint64_t in, uint64_t out) {
    for (int i = 0; i < blocks; ++i) residual(name + "block." + to_string(i), i ? out : in, out);
  }

  void middle(const std::string& name, uint64_t width) {
    residual(name + "block_1", width, width);
    out_.normalisation(name + "attn_1.norm", width);
    for (const char* part : {"q", "k", "v", "proj_out"}) out_.convolution(name + "attn_1." + part, width, width, 1);
    residual(name + "block_2", width, width);
  }

  void residual(const std::string& name, uint64_t in, uint64_t out) {
    out_.normalisation(name + ".norm1", in);
    out_.convolution(name + ".conv1", out, in, 3);
    out_.normalisation(name + ".norm2", out);
    out_.convolution(name + ".conv2", out, out, 3);
    if (in != out) out_.convolution(name + ".nin_shortcut", out, in, 1);
  }

  Blueprint& out_;
  std::string prefix_;
};

/// CLIP ViT-L/14's text encoder, in its transformers form.
void clip_l(Blueprint& out, const std::string& prefix) {
  constexpr uint64_t kWidth = 768, kTokens = 77, kVocabulary = 49408;
  const std::string model = prefix + "transformer.text_model.";
  out.add(
      {.name = model + "embeddings.position_ids", .shape = {1, kTokens}, .role = Role::positions, .dtype = Dtype::I64});
  out.embedding(model + "embeddings.position_embedding.weight", kTokens, kWidth);
  out.embedding(model + "embeddings.token_embedding.weight", kVocabulary, kWidth);
  for (int i = 0; i < 12; ++i) {
    const std::string layer = model + "encoder.layers." + to_string(i) + ".";
    for (const char* part : {"k_proj", "out_proj", "q_proj", "v_proj"})
      out.linear(layer + "self_attn." + part, kWidth, kWidth);
    out.normalisation(layer + "layer_norm1", kWidth);
    out.normalisation(layer + "layer_norm2", kWidth);
    out.linear(layer + "mlp.fc1", 4 * kWidth, kWidth);
    out.linear(layer + "mlp.fc2", kWidth, 4 * kWidth);
  }
  out.normalisation(model + "final_layer_norm", kWidth);
}

/// OpenCLIP ViT-bigG/14's text encoder, in its own form: fused q, k, v.
void open_clip_big_g(Blueprint& out, const std::string& prefix) {
  constexpr uint64_t kWidth = 1280, kTokens = 77, kVocabulary = 49408;
  const std::string model = prefix + "model.";
  out.add({.name = model + "logit_scale", .shape = {}, .role = Role::constant, .scale = 4.6052f});
  out.embedding(model + "positional_embedding", kTokens, kWidth);
  out.embedding(model + "text_projection", kWidth, kWidth);
  out.embedding(model + "token_embedding.weight", kVocabulary, kWidth);
  out.normalisation(model + "ln_final", kWidth);
  for (int i = 0; i < 32; ++i) {
    const std::string block = model + "transformer.resblocks." + to_string(i) + ".";
    out.embedding(block + "attn.in_proj_weight", 3 * kWidth, kWidth);
    out.add({.name = block + "attn.in_proj_bias", .shape = {3 * kWidth}, .scale = 0.02f});
    out.linear(block + "attn.out_proj", kWidth, kWidth);
    out.normalisation(block + "ln_1", kWidth);
    out.normalisation(block + "ln_2", kWidth);
    out.linear(block + "mlp.c_fc", 4 * kWidth, kWidth);
    out.linear(block + "mlp.c_proj", kWidth, 4 * kWidth);
  }
}

/// The buffers that the training code leaves in a 1.5 checkpoint.
void training_buffers(Blueprint& out) {
  constexpr std::pair<const char*, Role> kBuffers[] = {
      {"alphas_cumprod", Role::alphas_cumprod},
      {"alphas_cumprod_prev", Role::alphas_cumprod_previous},
      {"betas", Role::betas},
      {"log_one_minus_alphas_cumprod", Role::log_one_minus_alphas_cumprod},
      {"posterior_log_variance_clipped", Role::posterior_log_variance_clipped},
      {"posterior_mean_coef1", Role::posterior_mean_coefficient_1},
      {"posterior_mean_coef2", Role::posterior_mean_coefficient_2},
      {"posterior_variance", Role::posterior_variance},
      {"sqrt_alphas_cumprod", Role::sqrt_alphas_cumprod},
      {"sqrt_one_minus_alphas_cumprod", Role::sqrt_one_minus_alphas_cumprod},
      {"sqrt_recip_alphas_cumprod", Role::sqrt_reciprocal_alphas_cumprod},
      {"sqrt_recipm1_alphas_cumprod", Role::sqrt_reciprocal_minus_one_alphas_cumprod},
  };
  for (const auto& [name, role] : kBuffers) out.add({.name = name, .shape = {1000}, .role = role, .dtype = Dtype::F32});
  out.add({.name = "model_ema.decay", .shape = {}, .role = Role::constant, .scale = 0.9999f, .dtype = Dtype::F32});
  out.add({.name = "model_ema.num_updates", .shape = {}, .role = Role::constant, .scale = 595000, .dtype = Dtype::I32});
}

}  // namespace

Blueprint stable_diffusion_15() {
  const UnetShape shape{{1, 2, 4, 4}, {1, 1, 1, 0}, 768, 0, true};
  Blueprint out;
  training_buffers(out);
  clip_l(out, "cond_stage_model.");
  Autoencoder(out, "first_stage_model.").build();
  Unet(out, "model.diffusion_model.", shape).build();
  return out;
}

Blueprint stable_diffusion_xl() {
  const UnetShape shape{{1, 2, 4}, {0, 2, 10}, 2048, 2816, false};
  Blueprint out;
  clip_l(out, "conditioner.embedders.0.");
  open_clip_big_g(out, "conditioner.embedders.1.");
  Autoencoder(out, "first_stage_model.").build();
  Unet(out, "model.diffusion_model.", shape).build();
  return out;
}

}  // namespace ckmerge::bench
