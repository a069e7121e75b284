// SPDX-License-Identifier: Apache-2.0
// The layers that see the latents of an image or a video first. Models that were made from another to see more besides
// (a mask, an image to change, a control, a first frame) have more input channels there, behind those of the latents.
#pragma once

#include <cstdint>
#include <string_view>

namespace ckmerge {

/// Whether `name` is such a layer of an architecture whose latents have `channels` channels.
bool begins_with_latents(std::string_view name, uint64_t channels);

}  // namespace ckmerge
