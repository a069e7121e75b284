// SPDX-License-Identifier: Apache-2.0
#include "core/recipe/weight_rule_json.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "io/text/error.h"
#include "io/text/json_writer.h"
#include "io/text/sentence.h"
#include "io/text/utf8.h"

namespace ckmerge {
namespace {

using Kind = JsonValue::Kind;

std::string numbers_text(const std::vector<double>& numbers, bool as_list) {
  std::string out;
  for (const double number : numbers) out += (out.empty() ? "" : ",") + number_text(number);
  return numbers.size() == 1 && !as_list ? out : "[" + out + "]";
}

void append_text(std::string& out, std::string_view key, std::string_view text) {
  append_json_string(out, key);
  out += ':';
  append_json_string(out, valid_utf8(text));
  out += ',';
}

[[noreturn]] void fail(const std::string& what) {
  throw Error(ErrorCode::malformed, "weights", sentence("'weights' has an entry ", what));
}

const JsonValue* member(const JsonValue& object, std::string_view key) {
  const auto found = std::ranges::find(object.keys, key);
  return found == object.keys.end() ? nullptr : &object.items[static_cast<size_t>(found - object.keys.begin())];
}

std::string text_at(const JsonValue& object, std::string_view key) {
  const JsonValue* const value = member(object, key);
  if (!value || value->kind != Kind::string) fail(sentence("of which '", key, "' is not a string"));
  return value->text;
}

double number_of(const JsonValue& value) {
  double number = 0;
  const char* const end = value.text.data() + value.text.size();
  if (value.kind != Kind::number || std::from_chars(value.text.data(), end, number).ptr != end ||
      !std::isfinite(number))
    fail("with a number that is none within 64 bits");
  return number;
}

std::vector<double> numbers_at(const JsonValue& object, std::string_view key) {
  const JsonValue* const value = member(object, key);
  if (!value) fail(sentence("without '", key, "'"));
  if (value->kind != Kind::array) return {number_of(*value)};
  std::vector<double> numbers;
  for (const JsonValue& item : value->items) numbers.push_back(number_of(item));
  if (numbers.empty()) fail("without a number");
  return numbers;
}

int input_of(const JsonValue& object) {
  if (!member(object, "input")) return -1;
  const std::string letter = text_at(object, "input");
  if (letter.size() != 1 || letter[0] < 'A' || letter[0] > 'Z') fail("of which 'input' is not a letter");
  return letter[0] - 'A';
}

}  // namespace

void append_json(std::string& out, const WeightRule& rule) {
  out += '{';
  append_text(out, "parameter", rule.parameter);
  if (rule.input >= 0) append_text(out, "input", std::string(1, static_cast<char>('A' + rule.input)));
  if (rule.by == WeightRule::By::selector) append_text(out, "select", rule.selector);
  if (rule.by == WeightRule::By::elements) {
    append_text(out, "blocks", rule.selector);
    append_text(out, "elements", rule.elements);
  }
  const bool is_list = rule.by == WeightRule::By::list;
  out += is_list ? "\"list\":" : "\"value\":";
  out += numbers_text(rule.values, is_list) + '}';
}

WeightRule parse_weight_rule(const JsonValue& value) {
  if (value.kind != Kind::object) fail("that is no object");
  WeightRule rule{.parameter = text_at(value, "parameter"), .input = input_of(value)};
  std::vector<std::string> known{"parameter", "input"};
  if (member(value, "list")) {
    rule.by = WeightRule::By::list;
    rule.values = numbers_at(value, "list");
    known.emplace_back("list");
  } else {
    rule.by = member(value, "blocks") ? WeightRule::By::elements : WeightRule::By::selector;
    const bool by_elements = rule.by == WeightRule::By::elements;
    rule.selector = text_at(value, by_elements ? "blocks" : "select");
    if (by_elements) rule.elements = text_at(value, "elements");
    rule.values = numbers_at(value, "value");
    known.insert(known.end(), {by_elements ? "blocks" : "select", by_elements ? "elements" : "value", "value"});
  }
  for (const std::string& key : value.keys)
    if (std::ranges::find(known, key) == known.end())
      fail(sentence("with '", valid_utf8(key.substr(0, 100)), "', which is unknown; a newer ckmerge may know it"));
  return rule;
}

}  // namespace ckmerge
