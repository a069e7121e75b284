// SPDX-License-Identifier: Apache-2.0
#include "io/text/json_writer.h"

#include <doctest/doctest.h>

#include <limits>

using namespace ckmerge;

namespace {

std::string plain(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

std::string safe(std::string_view text) {
  std::string out;
  append_json_string(out, text, /*terminal_safe=*/true);
  return out;
}

}  // namespace

TEST_CASE("strings are escaped as the reference writer does it") {
  CHECK(plain("a/b") == "\"a/b\"");
  CHECK(plain("\"\\") == R"("\"\\")");
  CHECK(plain("\b\f\n\r\t") == R"("\b\f\n\r\t")");
  CHECK(plain(std::string_view("\0\x01\x0b\x1f", 4)) == R"("\u0000\u0001\u000b\u001f")");
  CHECK(plain("\x7f\xc2\x80\xe2\x80\xae\xff") == "\"\x7f\xc2\x80\xe2\x80\xae\xff\"");
}

TEST_CASE("terminal-safe strings escape what drives a terminal or turns text around") {
  CHECK(safe("\x1b[31m\x7f") == R"("\u001b[31m\u007f")");
  CHECK(safe("\xc2\x80\xc2\x9b\xc2\x9f") == R"("\u0080\u009b\u009f")");
  CHECK(safe("\xe2\x80\xaa\xe2\x80\xae\xe2\x81\xa6\xe2\x81\xa9") == R"("\u202a\u202e\u2066\u2069")");
  CHECK(safe("\xe2\x80\x8e\xe2\x80\x8f\xd8\x9c") == R"("\u200e\u200f\u061c")");
}

TEST_CASE("terminal-safe strings leave other text as it is") {
  for (const char* text : {"", "model.weight", "\xc2\xa0", "\xc3\xa9", "\xe2\x80\xa9", "\xe2\x81\xa5", "\xe2\x81\xaa",
                           "\xed\x9f\xbf", "\xee\x80\x80", "\xf0\x9f\x98\x80", "\xf4\x8f\xbf\xbf"})
    CHECK(safe(text) == '"' + std::string(text) + '"');
}

TEST_CASE("terminal-safe strings put U+FFFD for each byte that is not UTF-8") {
  const std::string mark = "\xef\xbf\xbd";
  CHECK(safe("a\xff"
             "b") == "\"a" + mark + "b\"");
  CHECK(safe("\x9b") == "\"" + mark + "\"");                                   // C1 as a raw byte
  CHECK(safe("\xc0\x80") == "\"" + mark + mark + "\"");                        // overlong
  CHECK(safe("\xe0\x80\x80") == "\"" + mark + mark + mark + "\"");             // overlong
  CHECK(safe("\xed\xa0\x80") == "\"" + mark + mark + mark + "\"");             // surrogate
  CHECK(safe("\xf4\x90\x80\x80") == "\"" + mark + mark + mark + mark + "\"");  // above U+10FFFF
  CHECK(safe("\xc3") == "\"" + mark + "\"");                                   // cut off
  CHECK(safe("\xe2\x82\"") == "\"" + mark + mark + "\\\"\"");                  // the quote is not swallowed
}

TEST_CASE("a document is indented by two spaces, with commas in the right places") {
  JsonWriter json;
  json.begin_object();
  json.key("name").value("a\nb");
  json.key("list")
      .begin_array()
      .value(1)
      .value(uint64_t{18446744073709551615u})
      .begin_object()
      .end_object()
      .end_array();
  json.key("empty").begin_array().end_array();
  json.key("flag").value(true).key("nothing").null();
  json.end_object();
  CHECK(json.text() == R"({
  "name": "a\nb",
  "list": [
    1,
    18446744073709551615,
    {}
  ],
  "empty": [],
  "flag": true,
  "nothing": null
})");
}

TEST_CASE("siblings after a closed container get their comma") {
  JsonWriter json;
  json.begin_array().begin_array().value(1).end_array().begin_array().end_array().value(2).end_array();
  CHECK(json.text() == "[\n  [\n    1\n  ],\n  [],\n  2\n]");
}

TEST_CASE("numbers read back as the same number, and those JSON lacks are null") {
  const auto text = [](double number) { return JsonWriter().value(number).text(); };
  CHECK(text(0.3) == "0.3");
  CHECK(text(1) == "1");
  CHECK(text(-0.0) == "-0");
  CHECK(text(1e300) == "1e+300");
  CHECK(text(5e-324) == "5e-324");
  CHECK(text(std::numeric_limits<double>::infinity()) == "null");
  CHECK(text(std::numeric_limits<double>::quiet_NaN()) == "null");
  CHECK(JsonWriter().value(INT64_MIN).text() == "-9223372036854775808");
}

TEST_CASE("keys and values of reports are terminal-safe") {
  JsonWriter json;
  json.begin_object().key("\xc2\x9b").value("\x7f").end_object();
  CHECK(json.text() == "{\n  \"\\u009b\": \"\\u007f\"\n}");
}
