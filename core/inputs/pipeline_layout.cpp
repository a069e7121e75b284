// SPDX-License-Identifier: Apache-2.0
#include "core/inputs/pipeline_layout.h"

#include <algorithm>
#include <array>
#include <optional>
#include <span>

#include "core/inputs/layout_table.h"
#include "core/names/architecture.h"
#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

constexpr std::array<const char*, 10> kEncoderNames{"CLIP-L", "CLIP-G",  "CLIP-H",   "T5",     "UMT5",
                                                    "ByT5",   "Gemma 2", "Qwen 2.5", "Qwen 3", "Llama"};

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
  constexpr std::string_view kT5[] = {"encoder.", "shared.", "spiece_model"};
  constexpr std::string_view kLanguage[] = {"model.", "visual.", "lm_head.", "spiece_model"};
  const auto any = [&](std::span<const std::string_view> fronts) {
    return std::ranges::any_of(fronts, [&](std::string_view front) { return name.starts_with(front); });
  };
  switch (kind.encoder) {
    case Encoder::t5:
    case Encoder::umt5:
    case Encoder::byt5: return any(kT5);
    case Encoder::gemma2:
    case Encoder::qwen2:
    case Encoder::qwen3:
    case Encoder::llama: return any(kLanguage);
    default: return kind.open_clip ? any(kOpenClip) : any(kClip);
  }
}

const EncoderPlace& place_of(const Layout& layout, EncoderKind kind, const std::string& path) {
  const EncoderPlace* other = nullptr;
  for (const EncoderPlace& place : layout.encoders) {
    const bool same = place.encoder == kind.encoder || (kind.may_be_umt5 && place.encoder == Encoder::umt5);
    if (!place.prefix || !same) continue;
    if (place.open_clip == kind.open_clip) return place;
    other = &place;
  }
  const std::string name = kEncoderNames[static_cast<size_t>(kind.encoder)], pipeline = layout.name;
  if (!layout.encoders[0].prefix)
    refuse(path,
           "is a " + name + "; a checkpoint of " + pipeline + " holds no text encoder, it stays a file of its own");
  if (!other) refuse(path, "is a " + name + ", which " + pipeline + " does not have");
  refuse(path, "is a " + name + " in " + (kind.open_clip ? "open_clip's" : "Hugging Face's") + " naming; in " +
                   pipeline + " it is in " + (other->open_clip ? "open_clip's" : "Hugging Face's") +
                   ", which has other tensors: give it in that");
}

// Inpainting and the like are of the family of the model that they were made from.
std::string family_of(const Checkpoint& unet) {
  const ArchitectureGuess guess = guess_architecture(unet.tensors, {}, {});
  if (!guess.kind.starts_with("diffusion model") && !guess.kind.starts_with("checkpoint")) return "";
  std::string family = guess.architecture;
  for (const std::string_view ending : {"-inpainting", "-pix2pix"})
    if (family.ends_with(ending)) family.resize(family.size() - ending.size());
  return family;
}

bool has_piece(const Checkpoint& checkpoint, std::string_view piece) {
  for (size_t i = 0; i < checkpoint.tensors.size(); ++i)
    if (checkpoint.tensors[i].name.find(piece) != std::string_view::npos) return true;
  return false;
}

}  // namespace

std::vector<std::string> layout_names() {
  std::vector<std::string> names;
  for (const Layout& layout : layouts()) names.emplace_back(layout.name);
  return names;
}

const Layout& parse_layout(std::string_view name) {
  for (const Layout& layout : layouts())
    if (name == layout.name) return layout;
  std::string list;
  for (const std::string& known : layout_names()) list += (list.empty() ? "" : ", ") + known;
  throw Error(ErrorCode::usage, "--layout", sentence("--layout: '", name, "' is not one of ", list));
}

const Layout* layout_called(std::string_view name) {
  for (const Layout& layout : layouts()) {
    if (name == layout.name) return &layout;
    for (const char* const architecture : layout.architectures)
      if (architecture && name == architecture) return &layout;
  }
  return nullptr;
}

const Layout* layout_by_guess(const Checkpoint& checkpoint) { return layout_called(family_of(checkpoint)); }

const Layout* layout_of_unet(const Checkpoint& unet) {
  constexpr const char* kDiffusers = "is in diffusers' naming, which no checkpoint in one file has; convert it first";
  const std::string family = family_of(unet);
  const Layout* const layout = layout_called(family);
  if (!family.empty() && !layout)
    refuse(unet.path,
           "is of " + family + ", whose names in one checkpoint are not known; its parts stay separate files");
  if (layout && !has_piece(unet, layout->piece)) refuse(unet.path, kDiffusers);
  if (layout) return layout;
  if (has(unet, "down_blocks.0.resnets.0.conv1.weight") || has(unet, "transformer_blocks.0.attn.to_q.weight"))
    refuse(unet.path, kDiffusers);
  if (has(unet, "double_blocks.0.img_attn.proj.weight")) return &parse_layout("flux");
  return nullptr;
}

namespace {

// It reads bytes, of which there are few; that of HunyuanImage knows colours and fonts besides.
bool knows_bytes(const Checkpoint& file) {
  constexpr uint64_t kBytes = 384, kGlyphs = 1510;
  for (size_t i = 0; i < file.tensors.size(); ++i)
    if (const Tensor tensor = file.tensors[i]; tensor.name.ends_with("shared.weight") && tensor.shape.size() == 2)
      return tensor.shape[0] == kBytes || tensor.shape[0] == kGlyphs;
  return false;
}

EncoderKind t5_kind(const Checkpoint& file) {
  if (knows_bytes(file)) return {Encoder::byt5};
  constexpr std::string_view kBias = ".layer.0.SelfAttention.relative_attention_bias.weight";
  if (has(file, sentence("encoder.block.1", kBias))) return {Encoder::umt5};
  return {.encoder = Encoder::t5, .may_be_umt5 = !has(file, "encoder.block.1.layer.0.SelfAttention.q.weight")};
}

std::optional<EncoderKind> language_kind(const Checkpoint& file) {
  const std::string family = guess_architecture(file.tensors, {}, {}).architecture;
  if (family == "gemma2") return EncoderKind{Encoder::gemma2};
  if (family == "qwen2") return EncoderKind{Encoder::qwen2};
  if (family == "qwen3") return EncoderKind{Encoder::qwen3};
  if (family == "llama") return EncoderKind{Encoder::llama};
  return std::nullopt;
}

}  // namespace

std::string other_latents(const Layout& layout, const Checkpoint& vae) {
  // The original naming's, LTX-Video's and Wan's.
  constexpr std::string_view kFirst[] = {"decoder.conv_in.weight", "decoder.conv_in.conv.weight",
                                         "decoder.conv1.weight"};
  for (size_t i = 0; i < vae.tensors.size(); ++i) {
    const Tensor tensor = vae.tensors[i];
    const bool known = std::ranges::any_of(kFirst, [&](std::string_view name) { return tensor.name.ends_with(name); });
    if (!known || tensor.shape.size() < 4) continue;
    const uint64_t dimensions = tensor.shape.size() - 2, channels = tensor.shape[1];
    const auto [wanted_dimensions, wanted] = layout.latents;
    if (dimensions == wanted_dimensions && (wanted == 0 || channels == wanted)) return "";
    const auto of = [](uint64_t spatial, uint64_t count) {
      return sentence(spatial, " dimensions", count == 0 ? "" : sentence(" and ", count, " channels"));
    };
    return sentence(vae.path, ": decodes latents of ", of(dimensions, channels), ", and ", layout.name,
                    " makes them of ", of(wanted_dimensions, wanted), ": it is another family's VAE");
  }
  return "";
}

EncoderKind encoder_kind(const Checkpoint& file) {
  if (has(file, "encoder.block.0.layer.0.SelfAttention.q.weight")) return t5_kind(file);
  const bool open_clip = has(file, "transformer.resblocks.0.ln_1.weight");
  if (open_clip || has(file, "text_model.encoder.layers.0.layer_norm1.weight"))
    switch (width(file, "token_embedding.weight").value_or(0)) {
      case 768: return {Encoder::clip_l, open_clip};
      case 1024: return {Encoder::clip_h, open_clip};
      case 1280: return {Encoder::clip_g, open_clip};
    }
  if (const auto language = language_kind(file)) return *language;
  refuse(
      file.path,
      "is no text encoder that can be told by its tensors (CLIP-L, CLIP-H, CLIP-G, T5, UMT5, ByT5, Gemma 2, Qwen 2.5, "
      "Qwen 3 or Llama)");
}

bool wants_other_naming(const Layout& layout, EncoderKind kind) {
  const auto is_place = [&](const EncoderPlace& place) { return place.prefix && place.encoder == kind.encoder; };
  const auto found = std::ranges::find_if(layout.encoders, is_place);
  return found != std::end(layout.encoders) && found->open_clip != kind.open_clip;
}

std::string encoder_name(const Layout& layout, EncoderKind kind, std::string_view name, const std::string& path) {
  const EncoderPlace& place = place_of(layout, kind, path);
  const bool old = layout.name == std::string_view("sd1") || layout.name == std::string_view("sdxl");
  for (const std::string_view front : {"clip_l.", "clip_g.", "clip_h.", "t5xxl.", "umt5xxl."})
    if (name.starts_with(front)) name.remove_prefix(front.size());
  constexpr std::string_view kTransformer = "transformer.";
  if (!place.open_clip && name.starts_with(kTransformer)) name.remove_prefix(kTransformer.size());
  if (!belongs_to(kind, name)) return "";
  // ComfyUI keeps a tokenizer beside the encoders, not in one.
  if (name == "spiece_model") return std::string(layout.encoder_prefix).append(name);
  if (place.open_clip) return std::string(place.prefix).append(name);
  if (old && (name == "logit_scale" || name == "text_projection.weight")) return "";
  return std::string(place.prefix).append(name == "logit_scale" ? "" : place.transformer).append(name);
}

}  // namespace ckmerge
