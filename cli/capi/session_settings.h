// SPDX-License-Identifier: Apache-2.0
// What ckmerge_open() is told, as the environment that commands see.
#pragma once

#include <string_view>

#include "cli/system/system.h"

namespace ckmerge::cli {

struct SessionSettings {
  Environment environment = {};
  bool sigbus_guard = false;
};

/// Of a JSON object. Throws Error(usage).
SessionSettings read_session_settings(std::string_view text);

}  // namespace ckmerge::cli
