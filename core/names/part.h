// SPDX-License-Identifier: Apache-2.0
// The parts of a pipeline that one checkpoint holds, recognised by the beginnings of names.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace ckmerge {

enum class Part : uint8_t {
  unet,  ///< what denoises, whatever its architecture: model.diffusion_model.; unet., transformer. of folders
  te,    ///< text encoders: cond_stage_model. (SD 1, SD 2), conditioner. (SDXL), text_encoders. (SD3, Flux)
  vae,   ///< first_stage_model., vae., and what makes sound: audio_vae., vocoder.
};
inline constexpr size_t kPartCount = 3;
inline constexpr std::array<const char*, kPartCount> kPartNames{"unet", "te", "vae"};

/// The part that a tensor belongs to; of most names none.
std::optional<Part> part_of(std::string_view name);

/// The same in a checkpoint that as a whole is `whole` (core/inputs/whole_part.h), where it is a part.
inline std::optional<Part> part_in(std::string_view name, std::optional<Part> whole) {
  const std::optional<Part> part = part_of(name);
  return part ? part : whole;
}

/// What the names of a part begin with.
std::vector<std::string_view> prefixes_of(Part part);

/// The part called `name`. Throws Error(usage) that lists them, `where` in front.
Part parse_part(const char* where, std::string_view name);

}  // namespace ckmerge
