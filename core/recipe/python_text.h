// SPDX-License-Identifier: Apache-2.0
// Numbers and JSON as Python spells them: A1111 is written in Python, and its file names and recipes are matched to the
// letter. Independent of locale and C library.
#pragma once

#include <string>
#include <string_view>

#include "io/text/json_value.h"

namespace ckmerge {

/// repr(number): the shortest digits that read back, `1.0`, `0.0001`, `1e-05`, `1e+16`. REQUIRES: finite.
std::string python_float(double number);

/// round(number, 2): of the exact binary value, an exact tie to the even digit. REQUIRES: finite.
double python_round2(double number);

/// Appends json.dumps(text): ASCII only, the rest as \uXXXX. REQUIRES: UTF-8.
void append_python_string(std::string& out, std::string_view text);

/// Appends json.dumps(json.loads(value)), save that numbers stay as they were written.
void append_python_json(std::string& out, const JsonValue& value);

}  // namespace ckmerge
