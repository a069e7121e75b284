// SPDX-License-Identifier: Apache-2.0
// LyCORIS's Diag-OFT against its definition: R^T, strengths, the bound on Q, rescaling.
#include <doctest/doctest.h>

#include "tests/core/adapters/acting/acted.h"

using namespace ckmerge;
using namespace ckmerge::test;

namespace {

// What the rows of a weight are multiplied by from the left; `held` multiplies Q.
Dense turn_of(const Dense& blocks, uint64_t n, uint64_t count, double held, double strength) {
  Dense whole(n * count, n * count);
  for (uint64_t i = 0; i < count; ++i) {
    const Dense x = block(blocks, n, i), q = held * (x - turned(x));
    const Dense r = (identity(n) + q) * inverted(identity(n) - q);
    put(whole, identity(n) + strength * (turned(r) - identity(n)), i * n);
  }
  return whole;
}

}  // namespace

TEST_CASE("Diag-OFT turns outputs by R^T, by strength") {
  SmallAdapter adapter("Diag-OFT", {{"oft_blocks", {5, 6, 6}}});
  const Dense w = base_weight({30, 5, 3, 3});
  for (const double strength : {1.0, 0.3})
    check_change(adapter, {.shape = {30, 5, 3, 3}}, strength,
                 turn_of(adapter["oft_blocks"], 6, 5, 1, strength) * w - w);
}

TEST_CASE("Diag-OFT's alpha times the outputs bounds Q over all blocks together") {
  SmallAdapter adapter("Diag-OFT", {{"oft_blocks", {5, 6, 6}}, {"rescale", {30, 1}}});
  const Dense blocks = adapter["oft_blocks"], rescale = adapter["rescale"], w = base_weight({30, 130});
  double sum = 0;
  for (uint64_t i = 0; i < 5; ++i) {
    const Dense x = block(blocks, 6, i), q = x - turned(x);
    for (const double value : q.values) sum += value * value;
  }
  const double length = std::sqrt(sum) + 1e-8;
  const Dense scale = dense(30, 30, [&](uint64_t i, uint64_t j) { return i == j ? rescale.values[i] : 0; });
  adapter.module().numbers["constraint"] = 0.2;
  REQUIRE(length > 6);
  check_change(adapter, {.shape = {30, 130}}, 0.5, scale * turn_of(blocks, 6, 5, 6 / length, 0.5) * w - w);
  adapter.module().numbers["constraint"] = 2;
  REQUIRE(length < 60);
  check_change(adapter, {.shape = {30, 130}}, 1, scale * turn_of(blocks, 6, 5, 1, 1) * w - w);
}

TEST_CASE("Diag-OFT says what does not fit") {
  SmallAdapter adapter("Diag-OFT", {{"oft_blocks", {5, 6, 6}}});
  CHECK(adapter.fault({.shape = {31, 7}}) == "oft_blocks turns 5 times 6 rows, the weight has 31");
  CHECK(adapter.fault({.shape = {30, 7}, .transposed = true}).find("not known") != std::string::npos);
  CHECK(SmallAdapter("Diag-OFT", {{"oft_blocks", {5, 6, 7}}}).fault({.shape = {30, 7}}).find("square") !=
        std::string::npos);
}
