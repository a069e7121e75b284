// SPDX-License-Identifier: Apache-2.0
// PEFT's OFT against its definition: both ways to make a rotation, shared and held blocks, every layer.
#include <doctest/doctest.h>

#include "tests/core/adapters/acting/acted.h"

using namespace ckmerge;
using namespace ckmerge::test;

namespace {

Dense antisymmetric(const Dense& triangles, uint64_t index, uint64_t n) {
  Dense s(n, n);
  uint64_t next = 0;
  for (uint64_t i = 0; i < n; ++i)
    for (uint64_t j = i + 1; j < n; ++j, ++next) {
      s(i, j) = triangles(index, next);
      s(j, i) = -s(i, j);
    }
  return s;
}

Dense five_terms(const Dense& s) {
  return identity(s.rows) + 2.0 * s + 2.0 * (s * s) + 2.0 * (s * s * s) + s * s * s * s;
}

// The whole matrix of `count` blocks, of which the file has all, or one.
Dense along_the_diagonal(const Dense& triangles, uint64_t n, uint64_t count,
                         const std::function<Dense(Dense)>& rotation) {
  Dense whole(n * count, n * count);
  for (uint64_t i = 0; i < count; ++i)
    put(whole, rotation(antisymmetric(triangles, triangles.rows == 1 ? 0 : i, n)), i * n);
  return whole;
}

}  // namespace

TEST_CASE("OFT turns inputs by a series of five terms, of which the last counts once") {
  SmallAdapter adapter("OFT", {{"oft_R", {5, 6}}});
  const Dense r = along_the_diagonal(adapter["oft_R"], 4, 5, five_terms), w = base_weight({7, 20});
  check_change(adapter, {.shape = {7, 20}}, 1, w * turned(r) - w);
  check_change(adapter, {.shape = {7, 20}}, 0.25, 0.25 * (w * turned(r) - w));

  adapter.module().numbers["num_cayley_neumann_terms"] = 3;
  const Dense three = along_the_diagonal(adapter["oft_R"], 4, 5, [](const Dense& s) {
    return identity(4) + 2.0 * s + 2.0 * (s * s) + s * s * s;  // what PEFT adds up for three and for four
  });
  check_change(adapter, {.shape = {7, 20}}, 1, w * turned(three) - w);
  adapter.module().numbers["num_cayley_neumann_terms"] = 4;
  check_change(adapter, {.shape = {7, 20}}, 1, w * turned(three) - w);
}

TEST_CASE("OFT without the series is Cayley's rotation") {
  SmallAdapter adapter("OFT", {{"oft_R", {6, 15}}});
  adapter.module().numbers["use_cayley_neumann"] = 0;
  const Dense r = along_the_diagonal(adapter["oft_R"], 6, 6,
                                     [](const Dense& s) { return (identity(6) - s) * inverted(identity(6) + s); });
  const Dense w = base_weight({9, 4, 3, 3});
  check_change(adapter, {.shape = {9, 4, 3, 3}}, 1, w * turned(r) - w);
}

TEST_CASE("OFT of an embedding turns its outputs the other way, and a Conv1D's inputs are its rows") {
  SmallAdapter embedding("OFT", {{"oft_embedding_R", {5, 6}}});
  const Dense e = base_weight({300, 20});
  check_change(embedding, {.shape = {300, 20}, .is_embedding = true}, 1,
               e * along_the_diagonal(embedding["oft_embedding_R"], 4, 5, five_terms) - e);

  SmallAdapter turning("OFT", {{"oft_R", {5, 6}}});
  const Dense t = base_weight({20, 130});
  check_change(turning, {.shape = {20, 130}, .transposed = true}, 1,
               along_the_diagonal(turning["oft_R"], 4, 5, five_terms) * t - t);
}

TEST_CASE("one block of OFT may stand for all, and blocks may be held near zero") {
  SmallAdapter shared("OFT", {{"oft_R", {1, 6}}});
  const Dense w = base_weight({7, 20});
  check_change(shared, {.shape = {7, 20}}, 1, w * turned(along_the_diagonal(shared["oft_R"], 4, 5, five_terms)) - w);

  SmallAdapter held("OFT", {{"oft_R", {5, 6}}});
  held.module().numbers["coft"] = 1;
  held.module().numbers["eps"] = 2.5;
  const Dense r = along_the_diagonal(held["oft_R"], 4, 5, [](const Dense& s) {
    double sum = 0;
    for (const double value : s.values) sum += value * value;
    const double bound = 2.5 / std::sqrt(5.0);
    return five_terms(std::sqrt(sum) > bound ? bound / std::sqrt(sum) * s : s);
  });
  check_change(held, {.shape = {7, 20}}, 1, w * turned(r) - w);
}

TEST_CASE("OFT says what does not fit") {
  SmallAdapter adapter("OFT", {{"oft_R", {5, 6}}});
  CHECK(adapter.fault({.shape = {7, 24}}) == "oft_R has 5 blocks of 4, and what they turn 24 elements");
  CHECK(SmallAdapter("OFT", {{"oft_R", {5, 7}}}).fault({.shape = {7, 20}}) ==
        "the 7 columns of oft_R are no triangle of a matrix");
  adapter.module().numbers["num_cayley_neumann_terms"] = 1e300;
  CHECK(adapter.fault({.shape = {7, 20}}).find("1000") != std::string::npos);
}
