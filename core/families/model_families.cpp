// SPDX-License-Identifier: Apache-2.0
#include "core/families/family_rows.h"

namespace ckmerge {

std::span<const ModelFamily> model_families() {
  static const std::vector<ModelFamily> kFamilies = {
      chroma_radiance_family(), chroma_family(),  flux2_family(),   flux_family(), sd3_family(),
      auraflow_family(),        z_image_family(), lumina2_family(),
  };
  return kFamilies;
}

}  // namespace ckmerge
