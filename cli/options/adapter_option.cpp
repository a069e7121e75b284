// SPDX-License-Identifier: Apache-2.0
#include "cli/options/adapter_option.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <optional>

#include "cli/options/numbers.h"
#include "io/text/error.h"

namespace ckmerge::cli {
namespace {

std::optional<double> number_in(const std::string& text) try { return parse_number("", text); } catch (const Error&) {
  return std::nullopt;
}

// A pattern may hold colons: /a:b/=0.5.
size_t begin_of_part(const std::string& text) {
  const size_t pattern_end = text.rfind("/=");
  const size_t colon = text.rfind(':');
  if (pattern_end == text.npos || colon == text.npos || text.find(':', pattern_end) != text.npos) return colon;
  const size_t pattern = text.rfind(":/", pattern_end == 0 ? 0 : pattern_end - 1);
  return pattern == text.npos ? colon : pattern;
}

// Whether what stands in front of the sign is meant as one: IN04, OUT*, te, input_blocks.4.
bool is_selector(const std::string& text) {
  if (text.size() > 2 && text.front() == '/' && text.back() == '/') return true;
  return !text.empty() &&
         text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.*[]-") == text.npos;
}

}  // namespace

AdapterWord parse_adapter_word(const std::string& option, const std::string& text) {
  AdapterWord word{.path = text, .use = {}};
  for (;;) {
    const size_t colon = begin_of_part(word.path);
    if (colon == word.path.npos || colon == 0) break;
    const std::string part = word.path.substr(colon + 1);
    if (const std::optional<double> strength = number_in(part)) {
      word.use.strength = *strength;
      word.path.resize(colon);
      break;
    }
    const size_t equals = part.rfind('=');
    if (equals == part.npos || !is_selector(part.substr(0, equals))) break;
    const std::optional<double> strength = number_in(part.substr(equals + 1));
    if (!strength)
      throw Error(ErrorCode::usage, option,
                  option + ": '" + part +
                      "' is no strength, such as te=0.2 (a path that holds such a text is followed "
                      "by its strength: " +
                      text + ":1)");
    word.use.rules.insert(word.use.rules.begin(), {part.substr(0, equals), *strength});
    word.path.resize(colon);
  }
  if (word.path.empty()) throw Error(ErrorCode::usage, option, option + " has an empty value");
  return word;
}

std::string adapter_text(const AdapterWord& word) {
  std::string text = word.path + ":" + number_text(word.use.strength);
  for (const AdapterStrength& rule : word.use.rules) text += ":" + rule.selector + "=" + number_text(rule.value);
  return text;
}

std::string strength_text(const AdapterUse& use) {
  std::string text = number_text(use.strength);
  for (const AdapterStrength& rule : use.rules) text += ", " + rule.selector + " " + number_text(rule.value);
  return text;
}

Reader read_adapter() {
  const auto read = [](Settings& settings, const Word& word) {
    settings.adapters.push_back(parse_adapter_word(word.option, word.text));
  };
  return {.kind = OptionKind::list, .type = ValueType::checkpoint, .read = read};
}

}  // namespace ckmerge::cli
