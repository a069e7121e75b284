// SPDX-License-Identifier: Apache-2.0
#include "core/recipe/slice_json.h"

#include <algorithm>
#include <charconv>
#include <string_view>

#include "io/text/error.h"
#include "io/text/json_writer.h"
#include "io/text/sentence.h"
#include "io/text/utf8.h"

namespace ckmerge {
namespace {

using Kind = JsonValue::Kind;

[[noreturn]] void fail(const std::string& what) {
  throw Error(ErrorCode::malformed, "operands", sentence("'operands' ", what));
}

uint32_t number_of(const JsonValue& value, std::string_view what) {
  uint32_t number = 0;
  const char* const end = value.text.data() + value.text.size();
  const auto [stop, fault] = std::from_chars(value.text.data(), end, number);
  if (value.kind != Kind::number || fault != std::errc() || stop != end)
    fail(sentence("has a slice of which '", what, "' is no whole number from 0"));
  return number;
}

}  // namespace

void append_json(std::string& out, const Slice& slice) {
  out += sentence("{\"input\":", slice.input, ",\"layers\":[", slice.begin, ",", slice.end, "]");
  if (!slice.run.empty()) {
    out += ",\"run\":";
    append_json_string(out, valid_utf8(slice.run));
  }
  out += '}';
}

Slice parse_slice(const JsonValue& value) {
  if (value.kind != Kind::object) fail("has a slice that is no object");
  Slice slice;
  for (size_t i = 0; i < value.keys.size(); ++i) {
    const std::string& key = value.keys[i];
    const JsonValue& item = value.items[i];
    if (key == "input") {
      slice.input = number_of(item, key);
    } else if (key == "layers") {
      if (item.kind != Kind::array || item.items.size() != 2) fail("has a slice of which 'layers' is not [FROM, TO]");
      slice.begin = number_of(item.items[0], key);
      slice.end = number_of(item.items[1], key);
    } else if (key == "run") {
      if (item.kind != Kind::string) fail("has a slice of which 'run' is not a string");
      slice.run = item.text;
    } else {
      fail(sentence("has a slice with '", valid_utf8(key.substr(0, 100)),
                    "', which is unknown; a newer ckmerge may know it"));
    }
  }
  if (slice.begin > slice.end) fail("has a slice that ends before it begins");
  return slice;
}

void check_operands(std::span<const Slices> operands, size_t inputs) {
  if (operands.size() > inputs) fail("are more than there are inputs");
  for (const Slices& operand : operands) {
    if (operand.empty()) fail("has an operand without slices");
    if (std::ranges::any_of(operand, [&](const Slice& slice) { return slice.input >= inputs; }))
      fail("has a slice of an input that there is not");
  }
}

}  // namespace ckmerge
