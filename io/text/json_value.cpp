// SPDX-License-Identifier: Apache-2.0
// simdjson validates and decodes; it keeps numbers in binary only, so their texts are found again in the document, in
// which they stand in the same order. On-Demand has the texts, but does not validate what is not looked at.
#include "io/text/json_value.h"

#include <simdjson.h>

#include <algorithm>
#include <cstring>
#include <new>
#include <unordered_map>

#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

namespace dom = simdjson::dom;

template <typename... Parts>
[[noreturn]] void fail(const Parts&... parts) {
  throw Error(ErrorCode::malformed, "", sentence(parts...));
}

// The numbers of a valid document, one after another.
class NumberTexts {
 public:
  explicit NumberTexts(std::string_view json) : rest_(json) {}

  std::string_view next() {
    while (!starts_number(rest_.front())) rest_.remove_prefix(rest_.front() == '"' ? string_size() : 1);
    const std::string_view text = rest_.substr(0, rest_.find_first_not_of("0123456789+-.eE"));
    rest_.remove_prefix(text.size());
    return text;
  }

 private:
  static bool starts_number(char c) { return c == '-' || (c >= '0' && c <= '9'); }

  size_t string_size() const {
    size_t end = 1;
    while (rest_[end] != '"') end += rest_[end] == '\\' ? 2 : 1;
    return end + 1;
  }

  std::string_view rest_;
};

class ValueReader {
 public:
  ValueReader(std::string_view json, const JsonLimits& limits) : numbers_(json), limits_(limits) {}

  // As deep as the parser allowed.
  JsonValue read(dom::element element) {
    if (++values_ > limits_.values) fail("it holds more than ", limits_.values, " values");
    using Kind = JsonValue::Kind;
    switch (element.type()) {
      case dom::element_type::ARRAY: return read_array(element);
      case dom::element_type::OBJECT: return read_object(element);
      case dom::element_type::STRING: return {.kind = Kind::string, .text = std::string(std::string_view(element))};
      case dom::element_type::BOOL: return {.kind = Kind::boolean, .boolean = bool(element)};
      case dom::element_type::NULL_VALUE: return {};
      default: return {.kind = Kind::number, .text = std::string(numbers_.next())};
    }
  }

 private:
  JsonValue read_array(dom::array elements) {
    JsonValue array{.kind = JsonValue::Kind::array};
    for (const dom::element element : elements) array.items.push_back(read(element));
    return array;
  }

  JsonValue read_object(dom::object members) {
    JsonValue object{.kind = JsonValue::Kind::object};
    std::unordered_map<std::string_view, size_t> places;  // the names stay in the parser's memory
    for (const auto [key, element] : members) {
      JsonValue value = read(element);
      const auto [place, is_new] = places.emplace(key, object.items.size());
      if (is_new) {
        object.keys.emplace_back(key);
        object.items.push_back(std::move(value));
      } else if (limits_.unique_keys) {
        fail("a member is there twice: '", std::string_view(key).substr(0, kShown), "'");
      } else {
        object.items[place->second] = std::move(value);
      }
    }
    return object;
  }

  static constexpr size_t kShown = 100;  // bytes of a name in a sentence

  NumberTexts numbers_;
  const JsonLimits& limits_;
  size_t values_ = 0;
};

}  // namespace

JsonValue parse_json(std::string_view text, const JsonLimits& limits) {
  if (text.size() > limits.size) fail("it has ", text.size(), " bytes, more than ", limits.size);
  if (text.starts_with("\xef\xbb\xbf")) fail("it begins with a byte-order mark");  // newer simdjson skips it
  std::vector<uint8_t> padded(text.size() + simdjson::SIMDJSON_PADDING);
  std::copy(text.begin(), text.end(), padded.begin());
  dom::parser parser;
  dom::element root;
  if (parser.allocate(std::max<size_t>(text.size(), 1), limits.depth)) throw std::bad_alloc();
  const simdjson::error_code error = parser.parse(padded.data(), text.size(), false).get(root);
  if (error == simdjson::MEMALLOC) throw std::bad_alloc();
  if (error == simdjson::DEPTH_ERROR) fail("it is nested more than ", limits.depth, " deep");
  if (error) fail("it is not valid JSON: ", simdjson::error_message(error));
  return ValueReader(text, limits).read(root);
}

}  // namespace ckmerge
