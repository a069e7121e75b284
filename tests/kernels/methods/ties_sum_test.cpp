// SPDX-License-Identifier: Apache-2.0
#include "tests/kernels/methods/voted_deltas.h"

namespace ckmerge {
namespace {

Arguments arguments_of(size_t inputs, const VoteNumbers& of) {
  return with_values(inputs, {of.alpha, of.k, of.vote_sgn ? 1.0 : 0});
}

TensorRun run(const std::vector<std::vector<float>>& x, const VoteNumbers& of) {
  return merged_by_tensor("ties_sum", arguments_of(x.size(), of), x);
}

}  // namespace

TEST_CASE("ties_sum: the average of the largest differences that have the sign most of them have") {
  for (const size_t inputs : {2u, 3u, 4u, 6u})
    for (const size_t count : {0u, 1u, 5u, 1300u, kLongTensor})
      for (const double k : {1.0, 0.999, 0.3, 0.0})
        for (const bool vote_sgn : {false, true}) {
          const VoteNumbers of{.alpha = 0.75, .k = k, .vote_sgn = vote_sgn};
          check_tensors(
              "ties_sum", arguments_of(inputs, of),
              [=](const std::vector<Vector>& x) { return voted("ties_sum", x, of); }, 8, voting_tensors(inputs, count));
        }
}

TEST_CASE("ties_sum: n - k' + 1 elements stay, and all that are as large as the smallest of them") {
  const std::vector<std::vector<float>> x = {{0, 0, 0, 0}, {1, -2, 3, -4}};
  CHECK(run(x, {.k = 0.5}).out == std::vector<float>{0, -2, 3, -4});  // three of four, as in sd-mecha
  CHECK(run(x, {.k = 0}).out == std::vector<float>{0, 0, 0, -4});
  CHECK(run({{0, 0, 0, 0}, {1, -1, 1, 2}}, {.k = 0.4}).out == std::vector<float>{1, -1, 1, 2});
  CHECK(run({{5}, {6}}, {.k = 0}).out == std::vector<float>{6});
}

TEST_CASE("ties_sum: signs have a vote each, or as many as they are large; a draw adds nothing") {
  const std::vector<std::vector<float>> x = {{0, 0, 0}, {5, 1, 2}, {-1, -1, 0}, {-2, 0, 0}};
  CHECK(run(x, {}).out == std::vector<float>{-1.5f, 0, 2});
  CHECK(run(x, {.vote_sgn = true}).out == std::vector<float>{5, 0, 2});
}

// Inf has a vote like any other, and may be outvoted.
TEST_CASE("ties_sum: equal stays equal, NaN stays where it is; k has its limits") {
  for (const double k : {1.0, 0.3}) {
    check_equal_tensors_stay("ties_sum", arguments_of(3, {.k = k}));
    check_nan_stays_alone("ties_sum", arguments_of(3, {.k = k, .vote_sgn = true}));
  }
  CHECK(coefficients("ties_sum", arguments_of(3, {.k = -0.1})).fault.starts_with("k must"));
  CHECK(coefficients("ties_sum", arguments_of(3, {.k = 1.1})).fault.starts_with("k must"));
}

}  // namespace ckmerge
