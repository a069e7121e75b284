// SPDX-License-Identifier: Apache-2.0
// Putting an error's sentence together from texts and numbers.
#pragma once

#include <array>
#include <charconv>
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

/// The shortest text that reads back as `number`.
inline std::string number_text(double number) {
  std::array<char, 32> text;
  return {text.data(), std::to_chars(text.data(), text.data() + text.size(), number).ptr};
}

/// "1st", "2nd", "11th", "22nd".
inline std::string ordinal(std::integral auto number) {
  const auto last = number % 10;
  const bool is_teen = number / 10 % 10 == 1;
  return sentence(number, is_teen || last == 0 || last > 3 ? "th" : last == 1 ? "st" : last == 2 ? "nd" : "rd");
}

/// "1 tensor", "2 tensors".
inline std::string counted(std::integral auto count, std::string_view noun) {
  return sentence(count, " ", noun, count == 1 ? "" : "s");
}

}  // namespace ckmerge
