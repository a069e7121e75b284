// SPDX-License-Identifier: Apache-2.0
// Parents whose metadata is any text: the input's lines are A's sd_merge_models, A's sd_merge_recipe, the same of B.
// What is made of them is JSON, is not much larger, takes no more space than is planned for it, and can be a parent's
// metadata in turn.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "core/recipe/provenance.h"
#include "io/text/json_value.h"

using namespace ckmerge;

namespace {

void expect(bool holds) {
  if (!holds) std::abort();
}

std::string_view next_line(std::string_view& text) {
  const size_t end = std::min(text.find('\n'), text.size());
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

Checkpoint parent(const std::string& path, std::string_view& text) {
  Checkpoint out;
  out.path = path;
  out.metadata.emplace_back("sd_merge_models", next_line(text));
  out.metadata.emplace_back("sd_merge_recipe", next_line(text));
  return out;
}

void expect_json_objects(const Metadata& metadata) {
  const JsonLimits limits{.size = SIZE_MAX, .depth = 32, .values = SIZE_MAX, .unique_keys = true};
  size_t objects = 0;
  for (const auto& [key, value] : metadata)
    if (key != "format") objects += parse_json(value, limits).kind == JsonValue::Kind::object;
  expect(objects == 3 && metadata.size() == 4);
}

size_t size_of(const Metadata& metadata) {
  size_t size = 0;
  for (const auto& [key, value] : metadata) size += key.size() + value.size();
  return size;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  std::vector<Checkpoint> parents;
  parents.push_back(parent("A", text));
  parents.push_back(parent("B", text));
  const std::vector<InputHash> hashes{{std::string(64, 'a'), "11111111"}, {std::string(64, 'b'), "22222222"}};
  const Metadata first = output_metadata({.hash = true}, parents, {}, hashes);
  expect_json_objects(first);
  expect(size_of(output_metadata({.hash = true}, parents, {}, stand_in_hashes(2))) >= size_of(first));
  expect(size_of(first) <= 2000 + 6 * size);  // é takes 2 bytes, \u00e9 6; a comma gains a blank
  parents[0].metadata = first;
  expect_json_objects(output_metadata({.hash = true}, parents, {}, hashes));
  return 0;
}
