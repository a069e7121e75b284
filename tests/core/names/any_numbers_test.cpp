// SPDX-License-Identifier: Apache-2.0
#include "core/names/any_numbers.h"

#include <doctest/doctest.h>

using namespace ckmerge;

TEST_CASE("numbers between dots are any") {
  CHECK(with_any_numbers("model.layers.12.mlp.0") == "model.layers.#.mlp.#");
  CHECK(with_any_numbers("0.x1.1x.") == "#.x1.1x.");
  CHECK(with_any_numbers("a..b") == "a..b");
  CHECK(with_any_numbers("") == "");
}
