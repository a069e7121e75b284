// SPDX-License-Identifier: Apache-2.0
// An untrusted YAML text: refused with Error(usage), or read as values of which each key stands once.
#include <cstdint>
#include <cstdlib>
#include <set>

#include "io/text/error.h"
#include "io/text/yaml_value.h"

using namespace ckmerge;

namespace {

void expect(bool holds) {
  if (!holds) std::abort();
}

void check(const YamlValue& value, size_t depth) {
  expect(depth <= 64 && value.line > 0 && value.column > 0);
  std::set<std::string> keys;
  for (const YamlValue& key : value.keys) expect(keys.insert(key.text).second && key.text != "<<");
  expect(value.kind != YamlValue::Kind::map || value.keys.size() == value.items.size());
  for (const YamlValue& item : value.items) check(item, depth + 1);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    check(parse_yaml({reinterpret_cast<const char*>(data), size}, "fuzz.yaml"), 1);
  } catch (const Error& error) {
    expect(error.code() == ErrorCode::usage && error.what()[0] != '\0');
  }
  return 0;
}
