// SPDX-License-Identifier: Apache-2.0
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include "cli/system/text.h"

using namespace ckmerge::cli;

TEST_CASE("what a terminal would act on becomes visible, everything else stays") {
  CHECK(visible("model.diffusion_model.out.2.weight") == "model.diffusion_model.out.2.weight");
  CHECK(visible("gr\xc3\xbc\xc3\x9f \xe6\xa8\xa1 \xf0\x9f\x90\xa7") ==
        "gr\xc3\xbc\xc3\x9f \xe6\xa8\xa1 \xf0\x9f\x90\xa7");
  CHECK(visible("a\nb\tc\rd") == "a\\nb\\tc\\rd");
  CHECK(visible(std::string_view("a\0b", 3)) == "a\\x00b");
  CHECK(visible("\x1b[31m\x7f") == "\\x1b[31m\\x7f");
  CHECK(visible("\xc2\x9b") == "\\u009b");      // C1: a control sequence introducer
  CHECK(visible("\xe2\x80\xae") == "\\u202e");  // right-to-left override
  CHECK(visible("\xe2\x81\xa6") == "\\u2066");  // isolate
  CHECK(visible("\xef\xbb\xbf") == "\\ufeff");
}

TEST_CASE("bytes that are not UTF-8 are shown one by one") {
  CHECK(visible("\xff"
                "a") == "\\xffa");
  CHECK(visible("\xc3") == "\\xc3");           // cut short
  CHECK(visible("\xc0\x9b") == "\\xc0\\x9b");  // overlong ESC
  CHECK(visible("\xe0\x80\x9b") == "\\xe0\\x80\\x9b");
  CHECK(visible("\xed\xa0\x80") == "\\xed\\xa0\\x80");           // surrogate
  CHECK(visible("\xf4\x90\x80\x80") == "\\xf4\\x90\\x80\\x80");  // past U+10FFFF
}

TEST_CASE("a long text is cut to one line") {
  CHECK(shortened("abc", 10) == "abc");
  CHECK(shortened("abcdefghij", 10) == "abcdefghij");
  CHECK(shortened("abcdefghijk", 10) == "abcdefg...");
  CHECK(shortened(std::string(1'000'000, 'x'), 10) == "xxxxxxx...");
  CHECK(shortened("\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc", 5) == "\xc3\xbc\xc3\xbc...");
  CHECK(shortened("a\nb", 10) == "a\\nb");
}

TEST_CASE("a near miss is recognised, a far one is not") {
  const std::vector<std::string> known{"alpha", "weights", "normalize", "output", "memory"};
  CHECK(nearest("alhpa", known) == "alpha");
  CHECK(nearest("weight", known) == "weights");
  CHECK(nearest("normalise", known) == "normalize");
  CHECK(nearest("out", known) == "output");
  CHECK(nearest("x", known) == "");
  CHECK(nearest("threshold", known) == "");
  CHECK(nearest(std::string(10'000, 'a'), known) == "");
  CHECK(did_you_mean("alhpa", known, "--") == "; did you mean '--alpha'?");
  CHECK(did_you_mean("zzz", known) == "");
}

TEST_CASE("counts are grouped and agree with their noun") {
  CHECK(grouped(0) == "0");
  CHECK(grouped(999) == "999");
  CHECK(grouped(1000) == "1,000");
  CHECK(grouped(1234567890) == "1,234,567,890");
  CHECK(counted(1, "tensor") == "1 tensor");
  CHECK(counted(0, "tensor") == "0 tensors");
  CHECK(letter(0) == "A");
  CHECK(letter(25) == "Z");
  CHECK(letter(26) == "#27");
}
