// SPDX-License-Identifier: Apache-2.0
// Components of another checkpoint (core/families) that the first one has in another naming, or behind another prefix,
// are brought to its naming and prefix.
#pragma once

#include <string>
#include <vector>

#include "io/table/checkpoint.h"

namespace ckmerge {

/// Whether a component of one of them has the shapes of more than one of the other, so that prefixes alone do not tell
/// which of them it is.
bool fits_several(const Checkpoint& first, const Checkpoint& other);

/// Returns what was done, a clause each. Throws Error(mismatch) where a component fits two of the first one's alike,
/// there is no way between two namings, or rewrite() throws. REQUIRES: tables are sorted.
std::vector<std::string> equate_families(const Checkpoint& first, Checkpoint& other);

/// Brings the VAEs of `file`, which is given as one for `first`, to the first one's naming, or to that of files, which
/// is the original's; its prefixes stay. Returns and throws as equate_families() does.
std::vector<std::string> equate_vae(const Checkpoint& first, Checkpoint& file);

}  // namespace ckmerge
