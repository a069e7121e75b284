// SPDX-License-Identifier: Apache-2.0
// A document that was read, written again: all of it that was not changed is as it was, but for blanks.
#pragma once

#include <string>

#include "io/text/json_value.h"

namespace ckmerge {

/// The text of `value`, indented by two spaces, with a line's end.
std::string json_text(const JsonValue& value);

}  // namespace ckmerge
