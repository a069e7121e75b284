// SPDX-License-Identifier: Apache-2.0
// Long work on matrices ends in the middle, soon after its stop flag is raised.
#include <doctest/doctest.h>

#include <atomic>
#include <functional>

#include "core/algebra/nearest_rank.h"
#include "core/algebra/orthonormal.h"
#include "core/algebra/turn_power.h"
#include "tests/core/failure.h"
#include "tests/sanitized.h"

using namespace ckmerge;
using namespace ckmerge::test;

namespace {

// The flag is raised after half of the questions that all of the work asks, which are at least so many.
void ends_halfway(int least, const std::function<void(const Hands&)>& work) {
  std::atomic<int> asked = 0;
  work({.threads = 2, .stop = StopFlag([&] { return ++asked < 0; })});
  const int all = asked.exchange(0), half = all / 2;
  REQUIRE(all >= least);
  const Hands hands{.threads = 2, .stop = StopFlag([&] { return ++asked > half; })};
  CHECK(failure([&] { work(hands); }).code == ErrorCode::interrupted);
  CHECK(asked <= half + 2);  // each of the threads, once
}

Matrix orthonormal(uint64_t rows) {
  Matrix out = random_rows(rows, rows, rows);
  make_orthonormal(out);
  return out;
}

}  // namespace

TEST_CASE("rows that are made orthonormal, and their complement, end with the run") {
  const Matrix rows = random_rows(150, 300, 1);
  ends_halfway(150, [&](const Hands& hands) {
    Matrix own = rows;
    make_orthonormal(own, hands);
  });
  Matrix standing = rows;
  make_orthonormal(standing);
  ends_halfway(150, [&](const Hands& hands) { complement(standing, hands); });
}

TEST_CASE("turns in planes, powers and determinants end with the run") {
  const Matrix orthogonal = orthonormal(300);
  PlaneTurns turns;
  ends_halfway(1000, [&](const Hands& hands) { turns = plane_turns(orthogonal, hands); });
  ends_halfway(6, [&](const Hands& hands) { turned_by(turns, 0.5, hands); });
  ends_halfway(300, [&](const Hands& hands) { determinant(orthogonal, hands); });
}

TEST_CASE("the search for the largest singular values ends with the run") {
  const Matrix matrix = product(random_rows(300, 60, 1), random_rows(60, 400, 2));
  ends_halfway(1000, [&](const Hands& hands) { nearest_of_rank(matrix, 40, hands); });
}

TEST_CASE("turns in planes, powers and determinants have the same bits for any number of hands") {
  const Matrix orthogonal = orthonormal(kSanitized ? 200 : 530);
  const PlaneTurns one = plane_turns(orthogonal);
  for (const unsigned threads : {2u, 3u}) {
    if (kSanitized && threads == 2) continue;
    const Hands hands{.threads = threads};
    CHECK(plane_turns(orthogonal, hands).basis.elements == one.basis.elements);
    CHECK(turned_by(one, 0.5, hands).elements == turned_by(one, 0.5).elements);
    CHECK(determinant(orthogonal, hands) == determinant(orthogonal));
  }
}
