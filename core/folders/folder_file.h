// SPDX-License-Identifier: Apache-2.0
// A file of weights in an output that is a folder, one for each file of the plan, in their order.
#pragma once

#include <optional>
#include <string>

#include "kernels/dtype.h"

namespace ckmerge {

struct FolderFile {
  std::string component = {};              ///< its sub-folder: "transformer"; empty: the folder itself
  std::string weights;                     ///< its path below the folder: "transformer/model.safetensors"
  std::optional<std::string> config = {};  ///< the text of its config.json, where names and shapes tell all of it
  std::string known = {};                  ///< or what of it they tell, which is compared only
  std::string config_from = {};            ///< or the folder that it is taken from
  std::optional<Dtype> dtype = {};         ///< of all its floats, where it is one
  bool is_plain = true;                    ///< no tensor holds codes: all are floats of 16 bits and more, or integers
};

/// A file of A's folder that lies beside its weights.
struct BesideFile {
  std::string path;       ///< below the folder
  std::string left = {};  ///< why the result's folder has none; empty: it has
};

}  // namespace ckmerge
