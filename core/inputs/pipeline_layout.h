// SPDX-License-Identifier: Apache-2.0
// Where separate files belong in one checkpoint: the prefixes of each family of models, as ComfyUI writes and reads
// them, and how unets and text encoders are recognised by their tensors.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/table/checkpoint.h"

namespace ckmerge {

/// What text encoders are called in the layouts.
enum class Encoder : uint8_t { clip_l, clip_g, clip_h, t5, umt5, byt5, gemma2, qwen2, qwen3, llama };

/// An encoder's file: which one it is, and in whose naming its tensors are.
struct EncoderKind {
  Encoder encoder = Encoder::clip_l;
  bool open_clip = false;    ///< else Hugging Face's
  bool may_be_umt5 = false;  ///< a T5 of one block, by which the two cannot be told apart
};

struct EncoderPlace {
  Encoder encoder = Encoder::clip_l;
  bool open_clip = false;
  const char* prefix = nullptr;  ///< of the encoder; null: there is no further place
  const char* transformer = "";  ///< between it and the names of Hugging Face's transformer
};

/// What a VAE decodes: the spatial dimensions of its convolutions and the channels of a latent, 0 where the models of a
/// family differ in them.
struct Latents {
  uint8_t dimensions = 2;  ///< 1 for sound and points in space; 3 for video, and for Qwen-Image, whose VAE is Wan's
  uint8_t channels = 0;
};

/// A family of models and the names that a checkpoint of it has.
struct Layout {
  const char* name;
  const char* architectures[2];  ///< as core/names/architecture_rules calls them; the second may be null
  const char* piece;             ///< of names of its unet in the original naming; diffusers' has none with it
  Latents latents;
  const char* vae_prefix;
  const char* encoder_prefix;  ///< of all its text encoders
  EncoderPlace encoders[3];    ///< in the order of a folder's text_encoder, text_encoder_2, ...
  const char* unet_prefix = "model.diffusion_model.";
  uint32_t first_encoder = 0;  ///< 1: a folder has no text_encoder but a text_encoder_2
};

/// In the order of the table.
std::vector<std::string> layout_names();

/// The layout called `name`. Throws Error(usage) that lists them.
const Layout& parse_layout(std::string_view name);

/// The layout of the pipeline that a family of core/families, or an architecture of core/names/architecture_rules, is
/// of; null where there is none of that name.
const Layout* layout_called(std::string_view name);

/// The same by what `checkpoint` is guessed to be.
const Layout* layout_by_guess(const Checkpoint& checkpoint);

/// The layout of the pipeline that `unet` is of; null where its tensors do not tell. Throws Error(mismatch) for one
/// that is told and has no layout, and for one in diffusers' naming.
const Layout* layout_of_unet(const Checkpoint& unet);

/// A sentence for a VAE whose decoder takes other latents than a unet of `layout` makes; empty where it fits, or where
/// its first convolution has no name that is known.
std::string other_latents(const Layout& layout, const Checkpoint& vae);

/// Throws Error(mismatch) for a file that is no known encoder.
EncoderKind encoder_kind(const Checkpoint& file);

/// Whether the encoder stands in `layout` in another naming than its file's.
bool wants_other_naming(const Layout& layout, EncoderKind kind);

/// What the tensor `name` of an encoder's file is called in `layout`; empty where it has no place there. Throws
/// Error(mismatch), naming `path`, when the encoder has none.
std::string encoder_name(const Layout& layout, EncoderKind kind, std::string_view name, const std::string& path);

}  // namespace ckmerge
