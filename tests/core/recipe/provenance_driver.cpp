// SPDX-License-Identifier: Apache-2.0
// Answers tests/core/recipe/provenance.py, a line for a line:
//   float NUMBER     its repr, and that of its rounding to two decimals
//   json TEXT        the text as json.dumps would write it
//   merge DOCUMENT   [recipe, [path, sha256, legacy hash, metadata], ...] with recipe as parse_recipe() takes it: the
//                    metadata of the merge, as a JSON object
#include <charconv>
#include <iostream>

#include "core/recipe/provenance.h"
#include "core/recipe/python_text.h"
#include "io/text/error.h"
#include "io/text/json_writer.h"

using namespace ckmerge;

namespace {

std::string float_answer(const std::string& text) {
  double number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return python_float(number) + " " + python_float(python_round2(number));
}

std::string json_answer(const std::string& text) {
  std::string out;
  append_python_json(out, parse_json(text));
  return out;
}

Checkpoint checkpoint(const JsonValue& parent) {
  Checkpoint out;
  out.path = parent.items[0].text;
  const JsonValue& metadata = parent.items[3];
  for (size_t i = 0; i < metadata.items.size(); ++i)
    out.metadata.emplace_back(metadata.keys[i], metadata.items[i].text);
  return out;
}

std::string merge_answer(const std::string& text) {
  const JsonValue document = parse_json(text, {.size = 1 << 24, .values = 1 << 20});
  const Recipe recipe = parse_recipe(document.items[0].text).recipe;
  std::vector<Checkpoint> checkpoints;
  std::vector<InputHash> hashes;
  for (const JsonValue& parent : std::span(document.items).subspan(1)) {
    checkpoints.push_back(checkpoint(parent));
    hashes.push_back({parent.items[1].text, parent.items[2].text});
  }
  std::string out = "{";
  for (const auto& [key, value] : output_metadata(recipe, checkpoints, {}, hashes)) {
    if (out.size() > 1) out += ',';
    append_json_string(out, key);
    out += ':';
    append_json_string(out, value);
  }
  return out + "}";
}

std::string answer(const std::string& line) {
  const size_t space = line.find(' ');
  const std::string question = line.substr(0, space), text = line.substr(space + 1);
  return question == "float" ? float_answer(text) : question == "json" ? json_answer(text) : merge_answer(text);
}

}  // namespace

int main() {
  for (std::string line; std::getline(std::cin, line);) {
    try {
      std::cout << answer(line) << '\n';
    } catch (const Error& error) {
      std::cout << "error: " << error.what() << '\n';
    }
  }
}
