// SPDX-License-Identifier: Apache-2.0
// Values whose texts were taken from Python. tests/core/recipe/provenance.py compares thousands with the Python that
// runs it.
#include "core/recipe/python_text.h"

#include <doctest/doctest.h>

#include <cmath>

using namespace ckmerge;

namespace {

std::string dumped(const std::string& json) {
  std::string out;
  append_python_json(out, parse_json(json));
  return out;
}

}  // namespace

TEST_CASE("floats are spelled as repr does") {
  const std::pair<double, const char*> kCases[] = {{0, "0.0"},
                                                   {-0.0, "-0.0"},
                                                   {1, "1.0"},
                                                   {0.3, "0.3"},
                                                   {1 - 0.3, "0.7"},
                                                   {-2.5, "-2.5"},
                                                   {100000, "100000.0"},
                                                   {1e15, "1000000000000000.0"},
                                                   {1e16, "1e+16"},
                                                   {123456789012345678, "1.2345678901234568e+17"},
                                                   {0.0001, "0.0001"},
                                                   {0.00001, "1e-05"},
                                                   {-1.5e-7, "-1.5e-07"},
                                                   {5e-324, "5e-324"},
                                                   {1.7976931348623157e308, "1.7976931348623157e+308"},
                                                   {1e100, "1e+100"},
                                                   {9999999999999998, "9999999999999998.0"},
                                                   {0.1 + 0.2, "0.30000000000000004"}};
  for (const auto& [number, text] : kCases) CHECK(python_float(number) == text);
}

TEST_CASE("rounding looks at the exact binary value, ties go to the even digit") {
  CHECK(python_round2(2.675) == 2.67);  // a little less than it says
  CHECK(python_round2(0.125) == 0.12);  // exact ties
  CHECK(python_round2(0.375) == 0.38);
  CHECK(python_round2(-0.125) == -0.12);
  CHECK(python_round2(1.005) == 1);
  CHECK(python_round2(0.005) == 0.01);  // a little more
  CHECK(python_round2(1e300) == 1e300);
  CHECK(std::signbit(python_round2(-0.001)));
  CHECK(python_float(python_round2(1 - 0.3)) == "0.7");
}

TEST_CASE("JSON is spelled as json.dumps does, numbers as they were") {
  CHECK(dumped(R"({"a":[1,2.50,{"b":null}],"c":{},"d":[],"e":true})") ==
        R"({"a": [1, 2.50, {"b": null}], "c": {}, "d": [], "e": true})");
  CHECK(dumped("\"\xc3\xa9 \xf0\x9f\x98\x80 \x7f \\u0000 \\\" \\\\ \\/ \\b\\f\\n\\r\\t\"") ==
        R"("\u00e9 \ud83d\ude00 \u007f \u0000 \" \\ / \b\f\n\r\t")");
}
