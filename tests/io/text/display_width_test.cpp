// SPDX-License-Identifier: Apache-2.0
#include "io/text/display_width.h"

#include <doctest/doctest.h>

#include <initializer_list>

using ckmerge::display_width;

TEST_CASE("wide characters take two columns, marks none") {
  for (const uint32_t one : {U'a', U'~', U'\u00e9', U'\u0416', U'\u0e01', U'\ufffd', U'\u2212', U'\U0001d400'})
    CHECK_MESSAGE(display_width(one) == 1, one);
  for (const uint32_t two :
       {U'\u6f22', U'\u3042', U'\uac00', U'\uff21', U'\u3000', U'\U0001f600', U'\U00020000', U'\u1100'})
    CHECK_MESSAGE(display_width(two) == 2, two);
  for (const uint32_t none : {U'\u0301', U'\u3099', U'\u200b', U'\ufe0f', U'\U000e0100', U'\u0e47'})
    CHECK_MESSAGE(display_width(none) == 0, none);
}
