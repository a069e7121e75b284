// SPDX-License-Identifier: Apache-2.0
// Putting an error's sentence together from texts and numbers.
#pragma once

#include <concepts>
#include <string>
#include <string_view>

namespace ckmerge {

inline void append_part(std::string& out, std::string_view text) { out += text; }
inline void append_part(std::string& out, std::integral auto number) { out += std::to_string(number); }

/// sentence("expected ", 3, ", found ", name). Chains of operator+ were the alternative: g++ 12 warns of them wrongly.
template <typename... Parts>
std::string sentence(const Parts&... parts) {
  std::string out;
  (append_part(out, parts), ...);
  return out;
}

/// "1 tensor", "2 tensors".
inline std::string counted(std::integral auto count, std::string_view noun) {
  return sentence(count, " ", noun, count == 1 ? "" : "s");
}

}  // namespace ckmerge
