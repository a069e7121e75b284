// SPDX-License-Identifier: Apache-2.0
// An untrusted recorded recipe. What is accepted is written as a text that reads back as the same recipe.
#include <cstdint>
#include <cstdlib>

#include "core/recipe/provenance.h"
#include "io/text/error.h"

using namespace ckmerge;

namespace {

void expect(bool holds) {
  if (!holds) std::abort();
}

std::string text_of(const RecordedRecipe& recorded) {
  std::vector<InputHash> hashes;
  for (const std::string& sha256 : recorded.sha256) hashes.push_back({sha256, ""});
  return recipe_text(recorded.recipe, recorded.recipe.input_names, hashes);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    const RecordedRecipe recorded = parse_recipe({reinterpret_cast<const char*>(data), size});
    expect(recorded.sha256.size() == recorded.recipe.input_names.size());
    const std::string text = text_of(recorded);
    const RecordedRecipe again = parse_recipe(text);
    expect(again.recipe == recorded.recipe && again.sha256 == recorded.sha256);
    expect(text_of(again) == text);
  } catch (const Error& error) {
    expect(error.code() == ErrorCode::malformed && error.what()[0] != '\0');
  }
  return 0;
}
