// SPDX-License-Identifier: Apache-2.0
#include "core/adapters/names/nearest_module.h"

#include "core/adapters/names/target_names.h"
#include "core/names/near_name.h"

namespace ckmerge {

std::string nearest_module(std::string_view module, const TensorTable& tensors) {
  const std::string typed = underscored(asked_names(module).back().name);
  NearestName nearest(typed);
  std::string last, named;  // by underscores, and the tensor
  for (size_t row = 0; row < tensors.size(); ++row) {
    std::string_view rest = module_of_tensor(tensors.name(row));
    // Without its first components, until it is about as long.
    while (rest.size() > typed.size() + kMostEdits) {
      const size_t dot = rest.find('.');
      rest.remove_prefix(dot == std::string_view::npos ? rest.size() : dot + 1);
    }
    if (rest.size() + kMostEdits < typed.size()) continue;
    std::string joined = underscored(rest);
    nearest.offer(joined);
    if (nearest.found() == joined && joined != last) {
      last = std::move(joined);
      named = tensors.name(row);
    }
  }
  return named;
}

}  // namespace ckmerge
