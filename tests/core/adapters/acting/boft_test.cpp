// SPDX-License-Identifier: Apache-2.0
// BOFT of both makers against its definition, stage by stage as whole matrices.
#include <doctest/doctest.h>

#include "tests/core/adapters/acting/acted.h"

using namespace ckmerge;
using namespace ckmerge::test;

namespace {

Dense cayley_of_peft(const Dense& x) {
  const Dense k = 0.5 * (x - turned(x));
  return (identity(x.rows) - k) * inverted(identity(x.rows) + k);
}

// P x = (the even halves of blocks, then the odd ones) in runs of 2^(stage + 1) halves.
Dense permutation(uint64_t n, uint64_t b, uint64_t stage) {
  Dense p(n, n);
  if (stage == 0) return identity(n);
  const uint64_t half = b / 2, halves = uint64_t{2} << stage;
  std::vector<uint64_t> order;
  for (uint64_t run = 0; run < n; run += half * halves)
    for (const uint64_t parity : {0, 1})
      for (uint64_t h = parity; h < halves; h += 2)
        for (uint64_t i = 0; i < half; ++i) order.push_back(run + h * half + i);
  for (uint64_t i = 0; i < n; ++i) p(i, order[i]) = 1;
  return p;
}

}  // namespace

TEST_CASE("PEFT's BOFT turns inputs in stages, and scales outputs") {
  for (const uint64_t stages : {1, 2, 3}) {
    SmallAdapter adapter("BOFT", {{"boft_R", {stages, 4, 6, 6}}, {"boft_s", {10, 1}}});
    const Dense blocks = adapter["boft_R"], s = adapter["boft_s"], w = base_weight({10, 24});
    Dense turn = identity(24);
    for (uint64_t stage = 0; stage < stages; ++stage) {
      Dense diagonal(24, 24);
      for (uint64_t i = 0; i < 4; ++i) put(diagonal, cayley_of_peft(block(blocks, 6, stage * 4 + i)), i * 6);
      const Dense p = permutation(24, 6, stage);
      turn = p * diagonal * turned(p) * turn;
    }
    const Dense made =
        dense(10, 10, [&](uint64_t i, uint64_t j) { return i == j ? s.values[i] : 0; }) * w * turned(turn);
    check_change(adapter, {.shape = {10, 24}}, 1, made - w);
    check_change(adapter, {.shape = {10, 24}}, 0.5, 0.5 * (made - w));
  }
}

TEST_CASE("PEFT's BOFT says what does not fit") {
  SmallAdapter adapter("BOFT", {{"boft_R", {4, 4, 6, 6}}, {"boft_s", {10, 1}}});
  CHECK(adapter.fault({.shape = {10, 24}}) == "boft_R has 4 stages, which 4 blocks of 6 cannot have");
  CHECK(adapter.fault({.shape = {10, 25}}) == "boft_R turns 4 times 6 inputs, the weight has 25");
  SmallAdapter other("BOFT", {{"boft_R", {1, 4, 6, 6}}, {"boft_s", {10, 1}}});
  CHECK(other.fault({.shape = {11, 24}}) == "boft_s has 10 numbers, rows of the weight 11");
}

TEST_CASE("LyCORIS's BOFT turns outputs in stages, each by strength, and rescales them in full") {
  for (const uint64_t stages : {1, 2, 3}) {
    SmallAdapter adapter("BOFT of LyCORIS", {{"oft_blocks", {stages, 8, 4, 4}}, {"rescale", {32, 1}}});
    const Dense blocks = adapter["oft_blocks"], rescale = adapter["rescale"], w = base_weight({32, 21});
    Dense made = w;
    for (uint64_t stage = 0; stage < stages; ++stage) {
      Dense diagonal(32, 32);
      for (uint64_t i = 0; i < 8; ++i) {
        const Dense x = block(blocks, 4, stage * 8 + i), q = x - turned(x);
        const Dense r = (identity(4) + q) * inverted(identity(4) - q);
        put(diagonal, identity(4) + 0.75 * (r - identity(4)), i * 4);
      }
      // rows (c, g, k) come to (c, k, g): pairs of rows that lie 2^stage half blocks apart
      const uint64_t apart = uint64_t{2} << stage;
      Dense p(32, 32);
      for (uint64_t c = 0; c < 16 / apart; ++c)
        for (uint64_t g = 0; g < 2; ++g)
          for (uint64_t k = 0; k < apart; ++k) p((c * apart + k) * 2 + g, (c * 2 + g) * apart + k) = 1;
      made = turned(p) * diagonal * p * made;
    }
    made = dense(32, 32, [&](uint64_t i, uint64_t j) { return i == j ? rescale.values[i] : 0; }) * made;
    check_change(adapter, {.shape = {32, 21}}, 0.75, made - w);
  }
}

TEST_CASE("LyCORIS's BOFT says which stages cannot be") {
  SmallAdapter adapter("BOFT of LyCORIS", {{"oft_blocks", {4, 4, 4, 4}}});
  CHECK(adapter.fault({.shape = {16, 21}}).find("stages") != std::string::npos);
}
