// SPDX-License-Identifier: Apache-2.0
#include "core/recipe/recipe_rule_json.h"

#include "io/text/error.h"
#include "io/text/json_writer.h"
#include "io/text/sentence.h"
#include "io/text/utf8.h"

namespace ckmerge {
namespace {

using Kind = JsonValue::Kind;

[[noreturn]] void fail(const std::string& what) {
  throw Error(ErrorCode::malformed, "rules", sentence("'rules' has an entry ", what));
}

std::string text_of(const JsonValue& value, const std::string& key) {
  if (value.kind != Kind::string) fail(sentence("of which '", key, "' is not a string"));
  return value.text;
}

void append_text(std::string& out, std::string_view key, std::string_view text) {
  out += ',';
  append_json_string(out, key);
  out += ':';
  append_json_string(out, valid_utf8(text));
}

}  // namespace

void append_json(std::string& out, const RecipeRule& rule) {
  out += "{\"match\":[";
  for (size_t i = 0; i < rule.match.size(); ++i) {
    if (i) out += ',';
    append_json_string(out, valid_utf8(rule.match[i]));
  }
  out += ']';
  if (!rule.formula.empty()) append_text(out, "formula", rule.formula);
  if (!rule.copy.empty()) append_text(out, "copy", rule.copy);
  if (rule.drop) out += ",\"drop\":true";
  if (!rule.dtype.empty()) append_text(out, "dtype", rule.dtype);
  out += '}';
}

RecipeRule parse_recipe_rule(const JsonValue& value) {
  if (value.kind != Kind::object) fail("that is no object");
  RecipeRule rule;
  for (size_t i = 0; i < value.keys.size(); ++i) {
    const std::string& key = value.keys[i];
    const JsonValue& item = value.items[i];
    if (key == "match") {
      if (item.kind != Kind::array) fail("of which 'match' is not an array");
      for (const JsonValue& selector : item.items) rule.match.push_back(text_of(selector, key));
    } else if (key == "drop") {
      if (item.kind != Kind::boolean) fail("of which 'drop' is not true or false");
      rule.drop = item.boolean;
    } else if (key == "formula") {
      rule.formula = text_of(item, key);
    } else if (key == "copy") {
      rule.copy = text_of(item, key);
    } else if (key == "dtype") {
      rule.dtype = text_of(item, key);
    } else {
      fail(sentence("with '", valid_utf8(key.substr(0, 100)), "', which is unknown; a newer ckmerge may know it"));
    }
  }
  return rule;
}

}  // namespace ckmerge
