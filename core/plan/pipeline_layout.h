// SPDX-License-Identifier: Apache-2.0
// Where separate files belong in one checkpoint: the prefixes of SD 1, SD 2, SDXL, SD3 and Flux, as ComfyUI writes and
// A1111 reads them, and how unets and text encoders are recognised by their tensors.
#pragma once

#include <string>
#include <string_view>

#include "io/table/checkpoint.h"

namespace ckmerge {

enum class Layout : uint8_t { sd1, sd2, sdxl, sd3, flux };

/// The layout called `name`. Throws Error(usage).
Layout parse_layout(std::string_view name);

/// The layout of the pipeline that `unet` is of. Throws Error(mismatch) for one that is not known.
Layout layout_of_unet(const Checkpoint& unet);

const char* name(Layout layout);

/// Prefix of the VAE's tensors.
const char* vae_prefix(Layout layout);

/// Prefix of the text encoders' tensors.
const char* encoder_prefix(Layout layout);

/// What text encoders are called in the layouts.
enum class Encoder : uint8_t { clip_l, clip_g, clip_h, t5 };

/// An encoder's file: which one it is, and in whose naming its tensors are.
struct EncoderKind {
  Encoder encoder = Encoder::clip_l;
  bool open_clip = false;  ///< else Hugging Face's
};

/// Throws Error(mismatch) for a file that is no known encoder.
EncoderKind encoder_kind(const Checkpoint& file);

/// What the tensor `name` of an encoder's file is called in `layout`; empty where it has no place there. Throws
/// Error(mismatch), naming `path`, when the encoder has none.
std::string encoder_name(Layout layout, EncoderKind kind, std::string_view name, const std::string& path);

}  // namespace ckmerge
