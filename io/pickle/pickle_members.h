// SPDX-License-Identifier: Apache-2.0
// What `getattr` looks up in a class: nested classes, methods, members of an Enum, which Python before protocol 4 has
// no other word for.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "io/pickle/pickle_values.h"

namespace ckmerge {

bool is_getattr(const PickleValues& values, PickleRef value);

/// Whether it is what `getattr` was called for, whatever it was given.
bool is_member(const PickleValues& values, PickleRef value);

struct DottedName {
  std::string_view module;
  std::string name;  ///< "Outer.Inner.HALF"
};

/// What getattr(*arguments) names, where that is a member of a global, or of such a member by plain names.
std::optional<DottedName> looked_up(const PickleValues& values, PickleRef arguments);

/// "module.Class" of a global, "module.Class.NAME" of a member; nothing where it is neither.
std::optional<DottedName> dotted_name(const PickleValues& values, PickleRef value);

/// A harmless function that calls what it is given: one of its first `called` arguments, with those that the argument
/// at `arguments` holds (0: no argument does).
struct PickleCaller {
  std::string_view module, name;
  size_t called, arguments;
};

/// nullptr: it is none.
const PickleCaller* caller_of(std::string_view module, std::string_view name);

}  // namespace ckmerge
