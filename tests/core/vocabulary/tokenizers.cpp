// SPDX-License-Identifier: Apache-2.0
#include "tests/core/vocabulary/tokenizers.h"

#include "io/text/json_writer.h"

namespace ckmerge::test {

std::string tokenizer_json(const std::string& type, const std::vector<MadeToken>& tokens,
                           const std::vector<MadeToken>& added, const std::string& more) {
  std::string out = "{\n  \"version\": \"1.0\",\n  \"added_tokens\": [";
  for (const MadeToken& token : added) {
    out += token.id == added[0].id ? "" : ", ";
    out += "{\"id\": " + std::to_string(token.id) + ", \"content\": ";
    append_json_string(out, token.text);
    out += ", \"normalized\": false, \"special\": true}";
  }
  out += "],\n  \"normalizer\": null,\n  \"model\": {\n    \"type\": \"" + type + "\",\n    \"vocab\": ";
  const bool list = type == "Unigram";
  out += list ? '[' : '{';
  for (const MadeToken& token : tokens) {
    out += &token == &tokens[0] ? "" : ", ";
    if (list) out += '[';
    append_json_string(out, token.text);
    out += list ? ", -1.5]" : ": " + std::to_string(token.id);
  }
  out += list ? ']' : '}';
  return out + more + "\n  }\n}\n";
}

}  // namespace ckmerge::test
