// SPDX-License-Identifier: Apache-2.0
// Members of an object by name.
#pragma once

#include <algorithm>
#include <string_view>
#include <utility>

#include "io/text/json_value.h"

namespace ckmerge {

/// The member of `object` called `key`, or null; of a value that is no object likewise.
template <typename Value>
auto find_member(Value& object, std::string_view key) -> decltype(object.items.data()) {
  const auto found = std::ranges::find(object.keys, key);
  return found == object.keys.end() ? nullptr : &object.items[static_cast<size_t>(found - object.keys.begin())];
}

/// Whether there was one.
inline bool take_out_member(JsonValue& object, std::string_view key) {
  const auto found = std::ranges::find(object.keys, key);
  if (found == object.keys.end()) return false;
  object.items.erase(object.items.begin() + (found - object.keys.begin()));
  object.keys.erase(found);
  return true;
}

/// In the place of the member of that name, or as the last one.
inline void set_member(JsonValue& object, std::string_view key, JsonValue value) {
  if (JsonValue* const member = find_member(object, key)) {
    *member = std::move(value);
    return;
  }
  object.keys.emplace_back(key);
  object.items.push_back(std::move(value));
}

}  // namespace ckmerge
