// SPDX-License-Identifier: Apache-2.0
// An untrusted config.json: refused with Error(malformed), or brought to a result with other layers, rows and dtypes,
// as a text that is read again and stays as it is when the same is asked once more.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "core/folders/model_config.h"
#include "io/text/error.h"

using namespace ckmerge;

namespace {

void expect(bool holds) {
  if (!holds) std::abort();
}

void check(std::string_view text, const ConfigFacts& facts, ModelChanges changes) {
  const ChangedConfig first = changed_config(text, facts, changes);
  for (const std::string& sentence : first.sentences) expect(!sentence.empty());
  for (const std::string& file : first.code) expect(file.ends_with(".py"));
  changes.runs.clear();
  expect(changed_config(first.text, facts, changes).text == first.text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const ModelChanges franken = {.runs = {{.prefix = "model.layers", .layers = {0, 1, 2, 1, 2, 3}}}, .vocabulary = 64};
  const ModelChanges tower = {.runs = {{.prefix = "vision_tower.encoder.layers", .layers = {1}}}};
  try {
    check(text, {}, {});
    check(text, {.dtype = Dtype::BF16}, franken);
    check(text, {.dtype = Dtype::F32, .is_plain = false}, tower);
  } catch (const Error& error) {
    expect(error.code() == ErrorCode::malformed && error.what()[0] != '\0');
  }
  return 0;
}
