// SPDX-License-Identifier: Apache-2.0
// JSON read from front to end, and members of a document changed in its text.
#include "io/text/json_scanner.h"

#include <doctest/doctest.h>

#include "io/text/json_edit.h"
#include "tests/core/failure.h"

using namespace ckmerge;
using ckmerge::test::failure;
using Kind = JsonScanner::Kind;

namespace {

std::string fault(std::string_view text) {
  const auto refused = failure([&] {
    JsonScanner json(text);
    json.skip();
    json.finish();
  });
  if (refused.text.empty()) return "";
  CHECK(refused.code == ErrorCode::malformed);
  return refused.text;
}

std::string decoded(std::string_view text) {
  JsonScanner json(text);
  return std::string(json.string());
}

}  // namespace

TEST_CASE("a document is read member by member, and what is passed over is told as it stands") {
  const std::string text = R"( {"a": [1, -2.5e3, []], "b\n": {"x": null, "y": {}}, "c": true} )";
  JsonScanner json(text);
  CHECK(json.place() == 1);
  REQUIRE(json.kind() == Kind::object);
  json.enter(Kind::object);
  REQUIRE(json.next());
  CHECK(json.key() == "a");
  json.enter(Kind::array);
  REQUIRE(json.next());
  CHECK(json.number() == "1");
  REQUIRE(json.next());
  CHECK(json.number() == "-2.5e3");
  REQUIRE(json.next());
  CHECK(json.skip() == "[]");
  CHECK_FALSE(json.next());
  REQUIRE(json.next());
  CHECK(json.key() == "b\n");
  CHECK(json.skip() == R"({"x": null, "y": {}})");
  REQUIRE(json.next());
  CHECK(json.key() == "c");
  CHECK(json.boolean());
  CHECK_FALSE(json.next());
  json.finish();
}

TEST_CASE("escapes are decoded to UTF-8") {
  CHECK(decoded(R"("\"\\\/\b\f\n\r\t")") == "\"\\/\b\f\n\r\t");
  CHECK(decoded("\"\\u0041\\u00e9\\u20AC\\ud83d\\uDE00\"") == "A\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80");
  CHECK(decoded("\"\\u0000\"") == std::string(1, '\0'));
}

TEST_CASE("what JSON does not allow is refused with its place, in parts that are passed over too") {
  CHECK(fault("[1, 2") == "at byte 5: expected ','");
  CHECK(fault("[1, ]") == "at byte 4: expected a value");
  CHECK(fault("{\"a\" 1}") == "at byte 5: expected ':'");
  CHECK(fault("{1: 2}") == "at byte 1: expected '\"'");
  CHECK(fault("[01]") == "at byte 2: expected ','");
  CHECK(fault("[1.]") == "at byte 3: expected a digit");
  CHECK(fault("[tru]") == "at byte 1: expected a value");
  CHECK(fault("1 2") == "at byte 2: expected the end");
  CHECK(fault("\"a") == "at byte 2: a string has no end");
  CHECK(fault("\"a\nb\"") == "at byte 2: a control character in a string");
  CHECK(fault("\"\\x\"") == "at byte 3: an escape in a string that JSON does not have");
  CHECK(fault("\"\\u12g4\"") == "at byte 5: an escape in a string that JSON does not have");
  CHECK(fault("\"\\ud800\"").ends_with("a lone surrogate in a string"));
  CHECK(fault("\"\\ud800\\u0041\"").ends_with("a lone surrogate in a string"));
  CHECK(fault("\"\\udc00\"").ends_with("a lone surrogate in a string"));
  CHECK(fault("") == "at byte 0: expected a value");
  CHECK(fault("\"\xFF\"") == "it is not UTF-8");
  CHECK(
      fault(std::string(101, '[') + std::string(101, ']')).ends_with("more than 100 arrays and objects in each other"));
  CHECK(fault(std::string(100, '[') + std::string(100, ']')).empty());
}

TEST_CASE("a member is found and changed in the text, of which nothing else changes") {
  const std::string text = "{\n  \"a\": {\"b\": 1},\n  \"c\":  [ 2 ]\n}\n";
  CHECK(json_member(text, "c") == "[ 2 ]");
  CHECK_FALSE(json_member(text, "b").has_value());
  CHECK(with_json_member(text, "c", "3") == "{\n  \"a\": {\"b\": 1},\n  \"c\":  3\n}\n");
  CHECK(with_json_member(text, "d\n", "3") == "{\n  \"a\": {\"b\": 1},\n  \"c\":  [ 2 ],\n  \"d\\n\": 3\n}\n");
  CHECK(with_json_member("{}", "d", "3") == "{\n  \"d\": 3\n}");
  CHECK(failure([] { json_member("[]", "a"); }).code == ErrorCode::malformed);
}
