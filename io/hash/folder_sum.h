// SPDX-License-Identifier: Apache-2.0
// The sum of a checkpoint in several files: that of the list of their sums, which `sha256sum` prints, so that anybody
// can make it and no file is read twice.
#pragma once

#include <span>
#include <string>

namespace ckmerge {

struct NamedSum {
  std::string name;    ///< of the file, by its path below the folder
  std::string sha256;  ///< 64 hex digits
};

/// The SHA-256 of lines "SUM  NAME", in the order of the names; of one file its own.
std::string folder_sum(std::span<const NamedSum> files);

}  // namespace ckmerge
