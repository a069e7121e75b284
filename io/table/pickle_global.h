// SPDX-License-Identifier: Apache-2.0
// A class or function that a pickle names, and what it means that it does. Judged in io/pickle/pickle_globals; kept
// here because a checkpoint carries what its file names.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace ckmerge {

enum class PickleDanger : uint8_t {
  harmless,  ///< what checkpoints are made of; torch loads it with weights_only=True or it is plain data
  unknown,   ///< a class of some program; an opaque object to us
  unsafe,    ///< runs code, or opens or fetches something, when Python loads the file
};

/// "harmless", "unknown", "unsafe".
inline const char* name(PickleDanger danger) {
  constexpr const char* kNames[] = {"harmless", "unknown", "unsafe"};
  return kNames[static_cast<size_t>(danger)];
}

/// A global as a file names it.
struct PickleGlobal {
  std::string name;  ///< "os.system"
  PickleDanger danger = PickleDanger::unknown;
};

}  // namespace ckmerge
