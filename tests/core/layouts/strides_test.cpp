// SPDX-License-Identifier: Apache-2.0
#include "core/layouts/strides.h"

#include <doctest/doctest.h>

using namespace ckmerge;

TEST_CASE("a view takes another shape where its strides allow") {
  using Numbers = std::vector<uint64_t>;
  const auto strides = [](const Numbers& shape, const Numbers& given, const Numbers& other) {
    return strides_of_shape(shape, given, other).value_or(Numbers{99});
  };
  CHECK(strides({4, 3}, {3, 1}, {12}) == Numbers{1});
  CHECK(strides({12}, {1}, {2, 2, 3}) == Numbers{6, 3, 1});
  CHECK(strides({12}, {5}, {4, 3}) == Numbers{15, 5});
  CHECK(strides({4, 3}, {1, 4}, {2, 2, 3}) == Numbers{2, 1, 4});
  CHECK(strides({4, 3}, {1, 4}, {12}) == Numbers{99});
  CHECK(strides({4, 3}, {1, 4}, {2, 6}) == Numbers{99});
  CHECK(strides({1, 4, 1}, {7, 2, 9}, {2, 2}) == Numbers{4, 2});
  CHECK(strides({4}, {0}, {2, 2}) == Numbers{0, 0});
  CHECK(strides({}, {}, {1, 1}) == Numbers{1, 1});
  CHECK(strides({2, 3}, {3, 1}, {1, 6, 1}).size() == 3);
  CHECK(lie_in_order(Numbers{2, 1, 3}, Numbers{3, 77, 1}));
  CHECK_FALSE(lie_in_order(Numbers{2, 3}, Numbers{1, 2}));
}
