// SPDX-License-Identifier: Apache-2.0
#include "core/names/latent_layers.h"

#include <algorithm>

namespace ckmerge {
namespace {

// The end of a layer's name and the channels of plain models. What the others see stands behind: masks and masked
// images (SD's inpainting, Flux Fill), images (instruct-pix2pix, Flux Canny and Depth, Wan's and CogVideoX's I2V). Flux
// and its kin fold 2 x 2 latents of 16 channels into one.
struct Row {
  std::string_view name;
  uint64_t channels;
};
constexpr Row kRows[] = {
    {"input_blocks.0.0.weight", 4},   // SD 1, SD 2, SDXL
    {"conv_in.weight", 4},            // the same, as diffusers calls it
    {"img_in.weight", 64},            // Flux, Chroma, Qwen-Image
    {"x_embedder.weight", 64},        // Flux, as diffusers calls it
    {"x_embedder.proj.weight", 16},   // SD3
    {"pos_embed.proj.weight", 16},    // the same, as diffusers calls it
    {"patch_embedding.weight", 16},   // Wan 2.1, Wan 2.2 14B
    {"patch_embedding.weight", 48},   // Wan 2.2 5B
    {"img_in.proj.weight", 16},       // HunyuanVideo
    {"patch_embed.proj.weight", 16},  // CogVideoX
    {"patchify_proj.weight", 128},    // LTX-Video
};

// A VAE's own first layers are called conv_in as well.
bool is_of_coder(std::string_view front) { return front.ends_with("encoder.") || front.ends_with("decoder."); }

}  // namespace

bool begins_with_latents(std::string_view name, uint64_t channels) {
  return std::ranges::any_of(kRows, [&](const Row& row) {
    if (row.channels != channels || !name.ends_with(row.name)) return false;
    const std::string_view front = name.substr(0, name.size() - row.name.size());
    return front.empty() || (front.ends_with('.') && !is_of_coder(front));
  });
}

}  // namespace ckmerge
