// SPDX-License-Identifier: Apache-2.0
// The libraries underneath, with the versions that run (or, of headers alone, that were compiled). RE2 is not among
// them: it does not say its version.
#pragma once

#include <string>
#include <vector>

namespace ckmerge {

struct LibraryVersion {
  std::string name, version;
};
std::vector<LibraryVersion> library_versions();

}  // namespace ckmerge
