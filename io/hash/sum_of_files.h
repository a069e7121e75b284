// SPDX-License-Identifier: Apache-2.0
// One sum for a checkpoint of several files: the SHA-256 of what `sha256sum` prints of them, in the order of their
// names below the folder, so that anybody can take it: (cd DIR && sha256sum *.safetensors | sha256sum).
#pragma once

#include <string>
#include <vector>

namespace ckmerge {

struct FileSum {
  std::string name;  ///< below the folder
  std::string sha256;
};

/// Of a single file its own sum; of several, in whatever order, the sum of their list.
std::string sum_of_files(std::vector<FileSum> files);

}  // namespace ckmerge
