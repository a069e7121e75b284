// SPDX-License-Identifier: Apache-2.0
#include "core/names/lacking_names.h"

namespace ckmerge {

bool have_one_description(const TensorTable& first, const TensorTable& other) {
  return first.size() == other.size() && first.size() > 0 && first.name(0).data() == other.name(0).data();
}

LackingNames lacking_names(const TensorTable& first, const TensorTable& other) {
  LackingNames lacking;
  if (have_one_description(first, other)) return lacking;
  uint32_t a = 0, b = 0;
  while (a < first.size() || b < other.size()) {
    const int order = a == first.size() ? 1 : b == other.size() ? -1 : first.name(a).compare(other.name(b));
    if (order < 0) lacking.of_first.push_back(a);
    if (order > 0) lacking.of_other.push_back(b);
    a += order <= 0;
    b += order >= 0;
  }
  return lacking;
}

}  // namespace ckmerge
