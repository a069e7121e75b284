// SPDX-License-Identifier: Apache-2.0
// A registry that is damaged: set aside, never deleted, and begun anew with what can still be read of it.
#pragma once

#include <cstdint>
#include <string>

namespace ckmerge {

struct SetAside {
  std::string kept_as;       ///< where the damaged one is now; empty when it was not damaged after all
  uint64_t files_saved = 0;  ///< entries read from it
};

/// Renames the database at `path`, with its log, to the first free of PATH.damaged-1, -2, ... and makes a new one. Of
/// several processes that find the damage at once, one does it and the others find a good registry. Throws Error(io).
SetAside set_registry_aside(const std::string& path);

}  // namespace ckmerge
