// SPDX-License-Identifier: Apache-2.0
#include "io/text/utf8.h"

#include <doctest/doctest.h>

using namespace ckmerge;

TEST_CASE("bytes that are not UTF-8 become U+FFFD, one for each") {
  CHECK(valid_utf8("a\xff"
                   "b") ==
        "a\xef\xbf\xbd"
        "b");
  CHECK(valid_utf8("\xe2\x82") == "\xef\xbf\xbd\xef\xbf\xbd");                  // cut short
  CHECK(valid_utf8("\xc0\x80") == "\xef\xbf\xbd\xef\xbf\xbd");                  // overlong
  CHECK(valid_utf8("\xed\xa0\x80") == "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");  // a surrogate
  CHECK(valid_utf8("\xf4\x90\x80\x80") == "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
}

TEST_CASE("UTF-8 stays as it is") {
  const std::string text = std::string("\0 a", 3) + "\x7f \xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80 \xf4\x8f\xbf\xbf";
  CHECK(is_utf8(text));
  CHECK(valid_utf8(text) == text);
  CHECK(decode_utf8("\xf0\x9f\x98\x80").code_point == 0x1f600);
  CHECK(is_utf8(""));
  CHECK_FALSE(is_utf8("a\x80"));
}
