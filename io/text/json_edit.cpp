// SPDX-License-Identifier: Apache-2.0
#include "io/text/json_edit.h"

#include "io/text/json_scanner.h"
#include "io/text/json_writer.h"
#include "io/text/sentence.h"

namespace ckmerge {

std::optional<std::string_view> json_member(std::string_view text, std::string_view key) {
  JsonScanner json(text, LoneHalves::passed);
  std::optional<std::string_view> found;
  for (json.enter(JsonScanner::Kind::object); json.next();) {
    const bool is_it = json.key() == key;
    const std::string_view value = json.skip();
    if (is_it) found = value;
  }
  json.finish();
  return found;
}

std::string with_json_member(std::string_view text, std::string_view key, std::string_view value) {
  if (const std::optional<std::string_view> old = json_member(text, key)) {
    const auto begin = static_cast<size_t>(old->data() - text.data());
    return sentence(text.substr(0, begin), value, text.substr(begin + old->size()));
  }
  std::string member;
  append_json_string(member, key);
  return with_new_json_members(text, member + ": " + std::string(value));
}

std::string with_new_json_members(std::string_view text, std::string_view members) {
  const size_t end = text.find_last_of('}');
  const size_t last = text.find_last_not_of(" \t\r\n", end - 1);
  return sentence(text.substr(0, last + 1), text[last] == '{' ? "\n  " : ",\n  ", members, "\n", text.substr(end));
}

}  // namespace ckmerge
