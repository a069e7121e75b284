// SPDX-License-Identifier: Apache-2.0
// What a U-Net of Stable Diffusion and its ControlNets have in common.
#pragma once

#include "core/families/model_family.h"

namespace ckmerge {

/// Rules of the time, the labels, the first convolution, and the blocks down to the middle.
LayoutRules sd_way_down(const BothNamings& namings);

}  // namespace ckmerge
