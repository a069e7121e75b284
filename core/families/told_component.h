// SPDX-License-Identifier: Apache-2.0
// Which components a checkpoint holds, in which naming, and behind which prefix: told by names, never by widths, since
// pruned and tiny models are valid.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/families/model_family.h"
#include "io/table/checkpoint.h"

namespace ckmerge {

struct ToldComponent {
  const ModelFamily* family = nullptr;
  bool is_left = true;  ///< which of the family's namings
  std::string prefix;   ///< with its dot; empty: bare

  Naming naming() const { return is_left ? family->left : family->right; }
};

/// Whether they are one network, in whatever naming.
bool are_one_family(const ToldComponent& a, const ToldComponent& b);

/// All that are found, by prefix. Signs are looked for behind each beginning of the names; 10^5 names take some
/// milliseconds.
std::vector<ToldComponent> told_components(const TensorTable& tensors);

}  // namespace ckmerge
