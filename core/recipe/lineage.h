// SPDX-License-Identifier: Apache-2.0
// Where a checkpoint comes from: the recipes that merged files record, followed from file to file by SHA-256, through
// the registry and through what A1111 records of ancestors that are no longer there.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "io/registry/registry.h"

namespace ckmerge {

struct Lineage {
  std::string name;     ///< as the recipe that it is an input of has it; for the root the file's own
  std::string sha256;   ///< empty where it was not recorded
  std::string path;     ///< of the registered file with this hash; empty where there is none
  std::string made_by;  ///< "weighted_sum, alpha 0.3"; empty where no recipe is known: a file that nobody here merged
  std::vector<Lineage> inputs;
  bool cut = false;  ///< there is more: the chain is too long, or a cycle
};

/// Of a registered file. `find` gives the registered files of a hash.
Lineage lineage_of(const RegisteredFile& file,
                   const std::function<std::vector<RegisteredFile>(const std::string& sha256)>& find);

}  // namespace ckmerge
