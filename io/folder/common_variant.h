// SPDX-License-Identifier: Apache-2.0
// Weights of a pipeline lie in variants side by side: one is read for all of its components, as diffusers does.
#pragma once

#include <string>
#include <vector>

namespace ckmerge {

/// A component and the variants in which its weights are there, empty the plain ones.
struct ComponentVariants {
  std::string component;
  std::vector<std::string> variants;
};

/// The variant that the components have in common: plain, where all have it, else one that every component has or
/// stands in for with plain files, of several that which most have, then the first by name. Throws Error(mismatch)
/// of `folder` where there is none, since no loader reads them together.
std::string common_variant(const std::vector<ComponentVariants>& components, const std::string& folder);

}  // namespace ckmerge
