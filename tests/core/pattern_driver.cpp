// SPDX-License-Identifier: Apache-2.0
// NamePattern for tests/core/patterns.py. Lines of standard input: "p HEX" takes a pattern and answers "ok" or
// "error SENTENCE"; "n HEX" tries it on a name and answers 1, 0 or "limit"; "s HEX" tries it on
// each single character of a text and answers with as many 1 and 0.
#include <iostream>
#include <optional>

#include "core/name_pattern.h"
#include "io/text/error.h"

using namespace ckmerge;

namespace {

std::string from_hex(const std::string& digits) {
  std::string text;
  for (size_t i = 0; i + 1 < digits.size(); i += 2)
    text += static_cast<char>(std::stoi(digits.substr(i, 2), nullptr, 16));
  return text;
}

std::string verdict(const NamePattern& pattern, const std::string& name) {
  try {
    return pattern.matches(name) ? "1" : "0";
  } catch (const Error&) {
    return "limit";
  }
}

std::string verdicts(const NamePattern& pattern, const std::string& text) {
  std::string all;
  for (size_t begin = 0, end = 1; begin < text.size(); begin = end++) {
    while (end < text.size() && (text[end] & 0xc0) == 0x80) ++end;
    all += verdict(pattern, text.substr(begin, end - begin));
  }
  return all;
}

std::string take_pattern(std::optional<NamePattern>& pattern, const std::string& text) {
  try {
    pattern.emplace("p", text);
    return "ok";
  } catch (const Error& error) {
    std::string sentence = std::string("error ") + error.what();
    for (char& c : sentence)
      if (c == '\n' || c == '\r') c = ' ';
    return sentence;
  }
}

}  // namespace

int main() {
  std::optional<NamePattern> pattern;
  for (std::string line; std::getline(std::cin, line);) {
    std::string answer;
    if (line[0] == 'p') {
      answer = take_pattern(pattern, from_hex(line.substr(2)));
    } else if (line[0] == 'n') {
      answer = verdict(*pattern, from_hex(line.substr(2)));
    } else {
      answer = verdicts(*pattern, from_hex(line.substr(2)));
    }
    std::cout << answer << '\n';
  }
}
