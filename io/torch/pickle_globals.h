// SPDX-License-Identifier: Apache-2.0
// What is known of the classes and functions that a pickle names. Nothing here is ever called: it is about what Python
// would do with the same file, which its owner will want to know before somebody opens it there.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace ckmerge {

enum class PickleDanger : uint8_t {
  harmless,  ///< what checkpoints are made of; torch loads it with weights_only=True or it is plain data
  unknown,   ///< a class of some program; an opaque object to us
  unsafe,    ///< runs code, or opens or fetches something, when Python loads the file
};

/// "harmless", "unknown", "unsafe".
const char* name(PickleDanger danger);

PickleDanger danger_of(std::string_view module, std::string_view name);

/// A global as a file names it.
struct PickleGlobal {
  std::string name;  ///< "os.system"
  PickleDanger danger = PickleDanger::unknown;
};

}  // namespace ckmerge
