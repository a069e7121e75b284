// SPDX-License-Identifier: Apache-2.0
#include "cli/capi/option_texts.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "cli/options/pair_text.h"
#include "cli/system/text.h"
#include "io/text/error.h"

namespace ckmerge::cli {
namespace {

using JsonKind = JsonValue::Kind;

const char* what_it_takes(const OptionSpec& option) {
  if (!option.takes_value()) return "true or false";
  switch (option.reader.type) {
    case ValueType::number: return "a number";
    case ValueType::numbers: return "an array of numbers";
    case ValueType::count: return "a whole number";
    case ValueType::size: return "a number of bytes, or a text such as \"512M\"";
    case ValueType::pair: return "texts NAME=VALUE, or an object";
    default: return option.kind() == OptionKind::list ? "a text, or an array of texts" : "a text";
  }
}

[[noreturn]] void refuse(const OptionSpec& option) {
  const std::string dashed = "--" + option.name;
  throw Error(ErrorCode::usage, dashed, dashed + " takes " + what_it_takes(option));
}

std::string without_nul(const OptionSpec& option, std::string text) {
  if (text.find('\0') != text.npos)
    throw Error(ErrorCode::usage, "--" + option.name, "--" + option.name + " has a NUL byte in it");
  return text;
}

bool takes_numbers(ValueType type) {
  return type == ValueType::number || type == ValueType::numbers || type == ValueType::count || type == ValueType::size;
}

bool is_whole_type(ValueType type) { return type == ValueType::count || type == ValueType::size; }

// 1e9 and 2.0 are whole numbers of JSON too; what is none is as it was written.
std::string digits(const JsonValue& number) {
  double value = 0;
  std::from_chars(number.text.data(), number.text.data() + number.text.size(), value);
  const bool is_whole = value == std::floor(value) && value >= 0 && value < 9e15;  // of which a double has every one
  return is_whole ? std::to_string(static_cast<uint64_t>(value)) : number.text;
}

const char* flag_text(const JsonValue& value) { return value.boolean ? "true" : "false"; }

bool are_numbers(const JsonValue& value) {
  return value.kind == JsonKind::array && !value.items.empty() &&
         std::ranges::all_of(value.items, [](const JsonValue& item) { return item.kind == JsonKind::number; });
}

std::string numbers_text(const JsonValue& numbers, std::string_view separator) {
  std::vector<std::string> texts;
  for (const JsonValue& number : numbers.items) texts.push_back(number.text);
  return joined(texts, separator);
}

// What stands behind the sign of NAME=VALUE.
std::string paired_text(const OptionSpec& option, const JsonValue& value) {
  if (value.kind == JsonKind::string || value.kind == JsonKind::number) return value.text;
  if (value.kind == JsonKind::boolean) return flag_text(value);
  if (value.kind != JsonKind::array || value.items.empty()) refuse(option);
  if (option.name == "weight" && are_numbers(value)) return "[" + numbers_text(value, ",") + "]";  // a gradient
  std::vector<std::string> texts;
  for (const JsonValue& item : value.items) {
    // Of lists that are swept, each is numbers with slashes between.
    if (are_numbers(item))
      texts.push_back(numbers_text(item, "/"));
    else if (item.kind == JsonKind::array || item.kind == JsonKind::object || item.kind == JsonKind::null)
      refuse(option);
    else
      texts.push_back(paired_text(option, item));
  }
  return joined(texts, ",");
}

// A command line ends a name at its first '=', save in weights, whose numbers have none. Fields of metadata are any
// texts.
std::string one_pair(const OptionSpec& option, const std::string& name, const std::string& value) {
  if (option.name == "set-metadata") return pair_text(name, value);
  if (option.name != "weight" && name.find('=') != name.npos)
    throw Error(ErrorCode::usage, "--" + option.name, "--" + option.name + ": the name '" + name + "' has '=' in it");
  return without_nul(option, name + "=" + value);
}

// An object in an object says whose weights they are: {"beta": {"IN04": 0.2}} is beta:IN04=0.2.
void add_pairs(const OptionSpec& option, const JsonValue& object, const std::string& before,
               std::vector<std::string>& texts) {
  for (size_t i = 0; i < object.keys.size(); ++i) {
    const JsonValue& value = object.items[i];
    if (value.kind == JsonKind::object && option.name == "weight" && before.empty())
      add_pairs(option, value, object.keys[i] + ":", texts);
    else
      texts.push_back(one_pair(option, before + object.keys[i], paired_text(option, value)));
  }
}

// What is given in bytes has no fraction, though "1.5K" has one; a count's reader says what it wants.
std::string whole_text(const OptionSpec& option, const JsonValue& number) {
  std::string text = digits(number);
  if (option.reader.type == ValueType::size && text.find_first_of(".eE") != text.npos) refuse(option);
  return text;
}

std::string one_text(const OptionSpec& option, const JsonValue& value) {
  const ValueType type = option.reader.type;
  if (value.kind == JsonKind::string) return value.text;
  if (value.kind == JsonKind::boolean && !option.takes_value()) return flag_text(value);
  if (value.kind == JsonKind::number && is_whole_type(type)) return whole_text(option, value);
  if (value.kind == JsonKind::number && takes_numbers(type)) return value.text;
  if (type == ValueType::numbers && are_numbers(value)) return numbers_text(value, ",");
  refuse(option);
}

void add_texts(const OptionSpec& option, const JsonValue& value, std::vector<std::string>& texts) {
  if (value.kind == JsonKind::object && option.may_be_map())
    add_pairs(option, value, "", texts);
  else
    texts.push_back(without_nul(option, one_text(option, value)));
}

}  // namespace

std::vector<std::string> option_texts(const OptionSpec& option, const JsonValue& value) {
  std::vector<std::string> texts;
  if (value.kind == JsonKind::null) return texts;
  const bool are_several = value.kind == JsonKind::array && option.kind() == OptionKind::list && !are_numbers(value);
  if (are_several)
    for (const JsonValue& item : value.items) add_texts(option, item, texts);
  else
    add_texts(option, value, texts);
  return texts;
}

}  // namespace ckmerge::cli
