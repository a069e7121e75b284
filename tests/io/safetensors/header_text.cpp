// SPDX-License-Identifier: Apache-2.0
#include "tests/io/safetensors/header_text.h"

#include <doctest/doctest.h>

#include "tests/core/failure.h"

namespace ckmerge::test {

Header parse(std::string_view json, uint64_t data_size) {
  return parse_header(std::as_bytes(std::span(json)), 8 + json.size() + data_size);
}

std::string fault(std::string_view json, uint64_t data_size) {
  const Failure found = failure([&] { parse(json, data_size); });
  CHECK((found.text.empty() || found.code == ErrorCode::malformed));
  return found.text;
}

std::string one_tensor(const std::string& dtype, const std::string& shape, const std::string& offsets) {
  return "{\"a\":{\"dtype\":" + dtype + ",\"shape\":" + shape + ",\"data_offsets\":" + offsets + "}}";
}

std::string u8(const std::string& name, uint64_t begin, uint64_t end) {
  const std::string size = std::to_string(end - begin);
  return "\"" + name + "\":{\"dtype\":\"U8\",\"shape\":[" + size + "],\"data_offsets\":[" + std::to_string(begin) +
         "," + std::to_string(end) + "]}";
}

}  // namespace ckmerge::test
