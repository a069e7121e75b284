// SPDX-License-Identifier: Apache-2.0
// How a result differs from the folder of A, for the files beside its weights.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/inputs/tied_heads.h"
#include "io/text/json_value.h"

namespace ckmerge {

struct ModelChanges {
  /// Layers under one prefix: "model.layers".
  struct Run {
    std::string prefix;
    uint32_t before = 0;                ///< how many layers A has there; 0: not known
    std::vector<uint32_t> layers = {};  ///< per layer of the result, the layer of A whose entries in config.json it has
  };

  uint32_t input = 0;                                            ///< which input's folder is A's
  Head head = Head::unknown;                                     ///< A's, in its files
  std::vector<Run> runs = {};                                    ///< empty: the layers are A's
  std::optional<uint64_t> vocabulary = {};                       ///< rows of embeddings, where they are not A's
  std::map<std::string, std::string> texts = {};                 ///< by path below the folder, in place of A's file
  std::vector<std::string> without = {};                         ///< files of A that are not carried
  std::vector<std::pair<std::string, std::string>> copies = {};  ///< path below the folder, the file that is copied
  bool has_card = true;                                          ///< README.md is written
  std::string card = {};                         ///< README.md, where another than the made one is meant
  std::map<std::string, JsonValue> config = {};  ///< fields of config.json, at the top and in text_config
};

}  // namespace ckmerge
