// SPDX-License-Identifier: Apache-2.0
// What other rows and other tokens change beside the weights of A.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "io/text/json_value.h"

namespace ckmerge {

struct VocabularyChanges {
  std::optional<uint64_t> rows = {};                             ///< of embeddings and heads, where they are not A's
  std::map<std::string, std::string> texts = {};                 ///< by path below the folder, in place of A's file
  std::vector<std::string> without = {};                         ///< files of A that are not carried
  std::vector<std::pair<std::string, std::string>> copies = {};  ///< path below the folder, the file that is copied
  std::map<std::string, JsonValue> config = {};                  ///< fields of config.json

  bool empty() const { return !rows && texts.empty() && without.empty() && copies.empty() && config.empty(); }
};

}  // namespace ckmerge
