// SPDX-License-Identifier: Apache-2.0
// As from_pretrained of diffusers 0.42 reads a pipeline: with variant=, components without such files are read plain.
#include "io/folder/common_variant.h"

#include <algorithm>
#include <cstddef>
#include <set>

#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

bool has(const ComponentVariants& component, const std::string& variant) {
  return std::ranges::find(component.variants, variant) != component.variants.end();
}

[[noreturn]] void refuse(const std::vector<ComponentVariants>& components, const std::string& folder) {
  std::string told;
  for (const ComponentVariants& component : components)
    if (!has(component, ""))
      told += sentence(told.empty() ? "" : ", ", component.component, " as ", component.variants.front());
  throw Error(ErrorCode::mismatch, folder,
              sentence(folder, ": its components have weights in different variants alone (", told,
                       "), which no loader reads together; complete the download of one variant, or name a component "
                       "by its sub-folder"));
}

}  // namespace

std::string common_variant(const std::vector<ComponentVariants>& components, const std::string& folder) {
  if (std::ranges::all_of(components, [](const ComponentVariants& component) { return has(component, ""); })) return "";
  std::set<std::string> known;
  for (const ComponentVariants& component : components)
    known.insert(component.variants.begin(), component.variants.end());
  std::string best;
  size_t most = 0;
  for (const std::string& variant : known) {
    size_t having = 0, reading = 0;
    for (const ComponentVariants& component : components) {
      having += has(component, variant) ? 1 : 0;
      reading += has(component, variant) || has(component, "") ? 1 : 0;
    }
    if (variant.empty() || reading < components.size() || having <= most) continue;
    best = variant;
    most = having;
  }
  if (best.empty()) refuse(components, folder);
  return best;
}

}  // namespace ckmerge
