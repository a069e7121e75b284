// SPDX-License-Identifier: Apache-2.0
// What is known of the classes and functions that a pickle names. Nothing here is ever called: it is about what Python
// would do with the same file, which its owner will want to know before somebody opens it there.
#pragma once

#include <string_view>

#include "io/table/pickle_global.h"

namespace ckmerge {

PickleDanger danger_of(std::string_view module, std::string_view name);

/// Whether it is `getattr`, which pickles use to name what lies in a class, and attacks to reach anything.
inline bool looks_up_members(std::string_view module, std::string_view name) {
  return name == "getattr" && (module == "builtins" || module == "__builtin__" || module == "__builtins__");
}

}  // namespace ckmerge
