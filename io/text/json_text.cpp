// SPDX-License-Identifier: Apache-2.0
#include "io/text/json_text.h"

#include "io/text/json_writer.h"

namespace ckmerge {
namespace {

void write(JsonWriter& json, const JsonValue& value) {
  using Kind = JsonValue::Kind;
  switch (value.kind) {
    case Kind::null: json.null(); break;
    case Kind::boolean: json.value(value.boolean); break;
    case Kind::string: json.value(value.text); break;
    case Kind::number: json.number(value.text); break;
    case Kind::array:
      json.begin_array();
      for (const JsonValue& item : value.items) write(json, item);
      json.end_array();
      break;
    case Kind::object:
      json.begin_object();
      for (size_t i = 0; i < value.keys.size(); ++i) write(json.key(value.keys[i]), value.items[i]);
      json.end_object();
      break;
  }
}

}  // namespace

std::string json_text(const JsonValue& value) {
  JsonWriter json;
  write(json, value);
  return json.text() + "\n";
}

}  // namespace ckmerge
