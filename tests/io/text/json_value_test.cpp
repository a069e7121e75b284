// SPDX-License-Identifier: Apache-2.0
#include "io/text/json_value.h"

#include <doctest/doctest.h>

#include "tests/core/failure.h"

using namespace ckmerge;
using ckmerge::test::failure;
using Kind = JsonValue::Kind;

namespace {

std::string fault(const std::string& text, const JsonLimits& limits = {}) {
  const auto refused = failure([&] { parse_json(text, limits); });
  CHECK(refused.code == ErrorCode::malformed);
  return refused.text;
}

std::string repeated(size_t count, const std::string& text) {
  std::string out;
  for (size_t i = 0; i < count; ++i) out += text;
  return out;
}

}  // namespace

TEST_CASE("numbers keep the text that they were written with, wherever they stand") {
  const JsonValue value = parse_json(
      R"( {"1":-0.50,"a\"2":[1E+2 , 18446744073709551615,true,"7\\",-0],"n":null,"x":{"y":0.1000000000000000055511151231257827}} )");
  REQUIRE(value.kind == Kind::object);
  CHECK(value.keys == std::vector<std::string>{"1", "a\"2", "n", "x"});
  CHECK(value.items[0].kind == Kind::number);
  CHECK(value.items[0].text == "-0.50");
  const std::vector<JsonValue>& list = value.items[1].items;
  REQUIRE(list.size() == 5);
  CHECK(list[0].text == "1E+2");
  CHECK(list[1].text == "18446744073709551615");
  CHECK((list[2].kind == Kind::boolean && list[2].boolean));
  CHECK(list[3].text == "7\\");
  CHECK(list[4].text == "-0");
  CHECK(value.items[2].kind == Kind::null);
  CHECK(value.items[3].items[0].text == "0.1000000000000000055511151231257827");
}

TEST_CASE("strings are decoded, NUL and characters beyond the basic plane included") {
  CHECK(parse_json(R"("a\u0000\ud83d\ude00\n")").text == std::string("a\0\xf0\x9f\x98\x80\n", 7));
}

TEST_CASE("of members with one name the last value counts, at the place of the first") {
  const JsonValue value = parse_json(R"({"a":1,"b":[2,3],"a":4,"c":5})");
  CHECK(value.keys == std::vector<std::string>{"a", "b", "c"});
  CHECK(value.items[0].text == "4");
  CHECK(value.items[1].items[1].text == "3");
  CHECK(value.items[2].text == "5");
  CHECK(fault(R"({"a":1,"a":4})", {.unique_keys = true}) == "a member is there twice: 'a'");
}

TEST_CASE("a document is bounded in size, depth and number of values") {
  CHECK(fault("[1,2]", {.size = 4}) == "it has 5 bytes, more than 4");
  CHECK(parse_json("[1,2]", {.size = 5}).items.size() == 2);
  CHECK(fault("[1,2,3]", {.values = 3}) == "it holds more than 3 values");
  CHECK(parse_json("[1,2]", {.values = 3}).items.size() == 2);
  CHECK(parse_json("[[1]]", {.depth = 3}).items.size() == 1);
  CHECK(fault("[[[[1]]]]", {.depth = 3}) == "it is nested more than 3 deep");
  CHECK(fault(repeated(500, "[") + repeated(500, "]")) == "it is nested more than 32 deep");
  CHECK(fault(repeated(500, "{\"a\":") + "1" + repeated(500, "}"), {.size = 4 << 20}) ==
        "it is nested more than 32 deep");
  CHECK(fault("\"" + std::string(50 << 20, 'x') + "\"") == "it has 52428802 bytes, more than 1048576");
}

TEST_CASE("what is not JSON is refused") {
  for (const char* text : {"",
                           " ",
                           "{",
                           "[1,]",
                           "{\"a\"}",
                           "nul",
                           "01",
                           "1.",
                           "+1",
                           "NaN",
                           "1e999",
                           "'a'",
                           "[1] [2]",
                           "18446744073709551616",
                           "\"\\ud800\"",
                           "\"\\udc00\\ud800\"",
                           "\"\xff\"",
                           "\"\x01\"",
                           "\xef\xbb\xbf{}",
                           "{\"a\":1,}"}) {
    CAPTURE(text);
    CHECK(!fault(text).empty());
  }
}
