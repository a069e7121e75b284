// SPDX-License-Identifier: Apache-2.0
// Sources: ComfyUI's supported_models.py and model_detection.py, the checkpoints of Stability AI and Black Forest Labs.
#include "core/plan/pipeline_layout.h"

#include <algorithm>
#include <array>
#include <optional>
#include <span>

#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

constexpr std::array<const char*, 5> kLayoutNames{"sd1", "sd2", "sdxl", "sd3", "flux"};
constexpr std::array<const char*, 4> kEncoderNames{"CLIP-L", "CLIP-G", "CLIP-H", "T5"};

bool has(const Checkpoint& checkpoint, std::string_view ending) {
  for (size_t i = 0; i < checkpoint.tensors.size(); ++i)
    if (checkpoint.tensors[i].name.ends_with(ending)) return true;
  return false;
}

// The size of dimension 1 of the first tensor whose name ends so.
std::optional<uint64_t> width(const Checkpoint& checkpoint, std::string_view ending) {
  for (size_t i = 0; i < checkpoint.tensors.size(); ++i)
    if (const Tensor tensor = checkpoint.tensors[i]; tensor.name.ends_with(ending) && tensor.shape.size() >= 2)
      return tensor.shape[1];
  return std::nullopt;
}

[[noreturn]] void refuse(const std::string& path, const std::string& what) {
  throw Error(ErrorCode::mismatch, path, path + ": " + what);
}

struct Place {
  Layout layout;
  Encoder encoder;
  bool open_clip;
  const char* prefix;       ///< of the encoder
  const char* transformer;  ///< between it and the names of Hugging Face's transformer
};

// SD 1 and SDXL keep no projection and no scale of CLIP-L: they do not use them.
constexpr Place kPlaces[] = {
    {Layout::sd1, Encoder::clip_l, false, "cond_stage_model.", "transformer."},
    {Layout::sd2, Encoder::clip_h, true, "cond_stage_model.model.", ""},
    {Layout::sdxl, Encoder::clip_l, false, "conditioner.embedders.0.", "transformer."},
    {Layout::sdxl, Encoder::clip_g, true, "conditioner.embedders.1.model.", ""},
    {Layout::sd3, Encoder::clip_l, false, "text_encoders.clip_l.", "transformer."},
    {Layout::sd3, Encoder::clip_g, false, "text_encoders.clip_g.", "transformer."},
    {Layout::sd3, Encoder::t5, false, "text_encoders.t5xxl.", "transformer."},
    {Layout::flux, Encoder::clip_l, false, "text_encoders.clip_l.", "transformer."},
    {Layout::flux, Encoder::t5, false, "text_encoders.t5xxl.", "transformer."},
};

// Files of a whole CLIP have what sees images, too, and those of a whole T5 what writes.
bool belongs_to(EncoderKind kind, std::string_view name) {
  constexpr std::string_view kClip[] = {"text_model.", "text_projection", "logit_scale"};
  constexpr std::string_view kOpenClip[] = {"transformer.resblocks.",
                                            "token_embedding.",
                                            "positional_embedding",
                                            "ln_final.",
                                            "text_projection",
                                            "logit_scale",
                                            "attn_mask"};
  constexpr std::string_view kT5[] = {"encoder.", "shared."};
  const std::span<const std::string_view> fronts =
      kind.encoder == Encoder::t5 ? std::span<const std::string_view>(kT5)
                                  : (kind.open_clip ? std::span<const std::string_view>(kOpenClip) : kClip);
  return std::ranges::any_of(fronts, [&](std::string_view front) { return name.starts_with(front); });
}

const Place& place_of(Layout layout, EncoderKind kind, const std::string& path) {
  const Place* other = nullptr;
  for (const Place& place : kPlaces) {
    if (place.layout != layout || place.encoder != kind.encoder) continue;
    if (place.open_clip == kind.open_clip) return place;
    other = &place;
  }
  const std::string name = kEncoderNames[static_cast<size_t>(kind.encoder)],
                    pipeline = kLayoutNames[static_cast<size_t>(layout)];
  if (!other) refuse(path, "is a " + name + ", which " + pipeline + " does not have");
  refuse(path, "is a " + name + " in " + (kind.open_clip ? "open_clip's" : "Hugging Face's") + " naming; in " +
                   pipeline + " it is in " + (other->open_clip ? "open_clip's" : "Hugging Face's") +
                   ", which has other tensors: give it in that");
}

}  // namespace

Layout parse_layout(std::string_view name) {
  const auto found = std::ranges::find(kLayoutNames, name);
  if (found == kLayoutNames.end())
    throw Error(ErrorCode::usage, "--layout",
                sentence("--layout: '", name, "' is not one of sd1, sd2, sdxl, sd3, flux"));
  return static_cast<Layout>(found - kLayoutNames.begin());
}

Layout layout_of_unet(const Checkpoint& unet) {
  if (has(unet, "double_blocks.0.img_attn.proj.weight")) return Layout::flux;
  if (has(unet, "joint_blocks.0.context_block.attn.qkv.weight")) return Layout::sd3;
  if (has(unet, "down_blocks.0.resnets.0.conv1.weight") || has(unet, "transformer_blocks.0.attn.to_q.weight"))
    refuse(unet.path, "is in diffusers' naming, which no checkpoint in one file has; convert it first");
  switch (width(unet, ".attn2.to_k.weight").value_or(0)) {  // of what the text encoders say
    case 768: return Layout::sd1;
    case 1024: return Layout::sd2;
    case 2048: return Layout::sdxl;
  }
  refuse(unet.path, "is no unet of SD 1, SD 2, SDXL, SD3 or Flux that can be told by its tensors; name it (--layout)");
}

const char* name(Layout layout) { return kLayoutNames[static_cast<size_t>(layout)]; }

const char* encoder_prefix(Layout layout) {
  if (layout == Layout::sd1 || layout == Layout::sd2) return "cond_stage_model.";
  return layout == Layout::sdxl ? "conditioner." : "text_encoders.";
}

const char* vae_prefix(Layout layout) { return layout == Layout::flux ? "vae." : "first_stage_model."; }

EncoderKind encoder_kind(const Checkpoint& file) {
  if (has(file, "encoder.block.0.layer.0.SelfAttention.q.weight")) return {Encoder::t5, false};
  const bool open_clip = has(file, "transformer.resblocks.0.ln_1.weight");
  if (open_clip || has(file, "text_model.encoder.layers.0.layer_norm1.weight"))
    switch (width(file, "token_embedding.weight").value_or(0)) {
      case 768: return {Encoder::clip_l, open_clip};
      case 1024: return {Encoder::clip_h, open_clip};
      case 1280: return {Encoder::clip_g, open_clip};
    }
  refuse(file.path, "is no text encoder that can be told by its tensors (CLIP-L, CLIP-H, CLIP-G or T5)");
}

std::string encoder_name(Layout layout, EncoderKind kind, std::string_view name, const std::string& path) {
  const Place& place = place_of(layout, kind, path);
  const bool old = layout == Layout::sd1 || layout == Layout::sdxl;
  for (const std::string_view front : {"clip_l.", "clip_g.", "clip_h.", "t5xxl."})
    if (name.starts_with(front)) name.remove_prefix(front.size());
  constexpr std::string_view kTransformer = "transformer.";
  if (!place.open_clip && name.starts_with(kTransformer)) name.remove_prefix(kTransformer.size());
  if (!belongs_to(kind, name)) return "";
  if (place.open_clip) return std::string(place.prefix).append(name);
  if (old && (name == "logit_scale" || name == "text_projection.weight")) return "";
  return std::string(place.prefix).append(name == "logit_scale" ? "" : place.transformer).append(name);
}

}  // namespace ckmerge
