// SPDX-License-Identifier: Apache-2.0
// config.json of A as that of the result: what it says of dtypes, of how weights are stored, of layers and vocabulary.
// All else stays as it was, in its order; rope and other fields whose spelling changed with versions too, because old
// readers pass over those that they do not know.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/folders/model_changes.h"
#include "kernels/dtype.h"

namespace ckmerge {

/// What is known of the result.
struct ConfigFacts {
  std::optional<Dtype> dtype = {};  ///< of most bytes of its floats; none: fields that name a dtype stay
  bool is_plain = true;             ///< it holds no codes: what is said of quantization is not true of it
  Head head = Head::unknown;        ///< what is written: whether embedding and head are tied follows it
};

struct ChangedConfig {
  std::string text;
  std::vector<std::string> left_out;   ///< fields: "quantization_config"
  std::vector<std::string> sentences;  ///< what could not be brought to the result
  std::vector<std::string> code;       ///< files of Python that auto_map names: "modeling_x.py"
};

/// `text` of a config.json, with the changes. Throws Error(malformed) with a clause that says what is wrong with it.
ChangedConfig changed_config(std::string_view text, const ConfigFacts& facts, const ModelChanges& changes);

}  // namespace ckmerge
