// SPDX-License-Identifier: Apache-2.0
// Tensors of another checkpoint that are a fragment of a component in another naming, such as blocks that alone were
// trained, without the signs by which it is told: they are the first one's by what its rules make of their names.
#pragma once

#include <string>
#include <vector>

#include "io/table/checkpoint.h"

namespace ckmerge {

/// Brings fragments of `other` to the naming and prefix of the components told in `first`, and components told in
/// `other` to those of which `first` has a fragment. Returns what was done, a clause each. Throws as equate_families()
/// does. Linear in the names, for each naming and prefix that is tried. REQUIRES: tables are sorted.
std::vector<std::string> equate_fragments(const Checkpoint& first, Checkpoint& other);

}  // namespace ckmerge
