// SPDX-License-Identifier: Apache-2.0
#include "cli/options/option.h"

namespace ckmerge::cli {

WordKind OptionSpec::word_kind() const {
  switch (reader.type) {
    case ValueType::output: return WordKind::checkpoint;
    case ValueType::checkpoint:  // of any form, while operands are most often *.safetensors
    case ValueType::file: return WordKind::file;
    case ValueType::folder: return WordKind::folder;
    case ValueType::method: return WordKind::method;
    default: return WordKind::text;
  }
}

bool OptionSpec::says_what_is_computed() const { return of_method || reader.type == ValueType::method; }

// A key and a rename are texts, in which a sign parts the two.
bool OptionSpec::may_be_map() const {
  const bool has_pairs = reader.type == ValueType::pair || reader.type == ValueType::dtype;
  return kind() == OptionKind::list && (has_pairs || name == "key" || name == "rename");
}

std::vector<std::string> OptionSpec::spellings() const {
  std::vector<std::string> words{"--" + name};
  if (kind() == OptionKind::toggle) words.push_back("--no-" + name);
  if (letter) words.push_back(std::string("-") + letter);
  return words;
}

}  // namespace ckmerge::cli
