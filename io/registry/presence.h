// SPDX-License-Identifier: Apache-2.0
// What became of a registered file since it was scanned.
#pragma once

#include <cstdint>

#include "io/registry/registry.h"

namespace ckmerge {

enum class Presence : uint8_t { there, changed, gone };

/// Looks the file up; its bytes are not read. One that cannot be looked up is taken to be there: whoever opens it is
/// told the reason.
Presence presence_of(const RegisteredFile& file);

}  // namespace ckmerge
