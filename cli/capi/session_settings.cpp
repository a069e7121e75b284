// SPDX-License-Identifier: Apache-2.0
#include "cli/capi/session_settings.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "cli/system/text.h"
#include "io/text/error.h"
#include "io/text/json_value.h"

namespace ckmerge::cli {
namespace {

using JsonKind = JsonValue::Kind;

struct TextRow {
  const char* name;
  std::string Environment::*place;
};
constexpr auto kTexts = std::to_array<TextRow>({{"hash_cache", &Environment::hash_cache},
                                                {"home", &Environment::home},
                                                {"isa", &Environment::isa},
                                                {"notify_auth", &Environment::notify_auth},
                                                {"registry", &Environment::registry}});

[[noreturn]] void refuse(const std::string& where, const std::string& sentence) {
  throw Error(ErrorCode::usage, where, "settings: " + sentence);
}

std::vector<std::string> known_names() {
  std::vector<std::string> names{"environment", "sigbus_guard"};
  for (const TextRow& row : kTexts) names.emplace_back(row.name);
  return names;
}

JsonValue parsed(std::string_view text) {
  JsonValue object;
  try {
    object = parse_json(text, {.unique_keys = true});
  } catch (const Error& error) {
    refuse("", error.what());
  }
  if (object.kind != JsonKind::object) refuse("", R"(they are an object, as in {"registry": "/srv/registry.db"})");
  return object;
}

bool read_switch(const std::string& name, const JsonValue& value) {
  if (value.kind != JsonKind::boolean) refuse(name, "'" + name + "' is true or false");
  return value.boolean;
}

std::string read_text(const std::string& name, const JsonValue& value) {
  if (value.kind != JsonKind::string || value.text.find('\0') != value.text.npos)
    refuse(name, "'" + name + "' is a text");
  return value.text;
}

}  // namespace

SessionSettings read_session_settings(std::string_view text) {
  const JsonValue object = parsed(text);
  SessionSettings settings;
  const auto environment = std::ranges::find(object.keys, "environment");
  if (environment != object.keys.end() &&
      read_switch(*environment, object.items[static_cast<size_t>(environment - object.keys.begin())]))
    settings.environment = read_environment();
  for (size_t i = 0; i < object.keys.size(); ++i) {
    const std::string& name = object.keys[i];
    const auto row = std::ranges::find(kTexts, name, &TextRow::name);
    if (row != kTexts.end())
      settings.environment.*row->place = read_text(name, object.items[i]);
    else if (name == "sigbus_guard")
      settings.sigbus_guard = read_switch(name, object.items[i]);
    else if (name != "environment")
      refuse(name, "there is no '" + name + "'" + did_you_mean(name, known_names()));
  }
  return settings;
}

}  // namespace ckmerge::cli
