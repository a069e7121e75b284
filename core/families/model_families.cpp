// SPDX-License-Identifier: Apache-2.0
#include "core/families/family_rows.h"

namespace ckmerge {

std::span<const ModelFamily> model_families() {
  static const std::vector<ModelFamily> kFamilies = {
      flux_family(),
  };
  return kFamilies;
}

}  // namespace ckmerge
