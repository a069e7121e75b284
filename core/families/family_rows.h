// SPDX-License-Identifier: Apache-2.0
// The rows of core/families/model_families, each made by a file of its own, and rules that several families share.
#pragma once

#include "core/families/model_family.h"

namespace ckmerge {

ModelFamily auraflow_family();
ModelFamily chroma_family();
ModelFamily chroma_radiance_family();
ModelFamily flux_family();
ModelFamily flux2_family();
ModelFamily lumina2_family();
ModelFamily sd3_family();
ModelFamily z_image_family();

/// Of blocks as Flux.1 has them.
LayoutRules flux_attention_rules();
LayoutRules flux_mlp_rules();
LayoutRules flux_single_rules();

}  // namespace ckmerge
