// SPDX-License-Identifier: Apache-2.0
#include "tests/kernels/methods/voted_deltas.h"

namespace ckmerge {
namespace {

Arguments arguments_of(size_t inputs, const VoteNumbers& of) {
  return with_values(
      inputs, {of.alpha, of.k, of.vote_sgn ? 1.0 : 0, of.stock ? 1.0 : 0, of.median ? 1.0 : 0, 1e-6, 100, 1e-20});
}

TensorRun run(const std::vector<std::vector<float>>& x, const VoteNumbers& of) {
  return merged_by_tensor("ties_sum_extended", arguments_of(x.size(), of), x);
}

}  // namespace

TEST_CASE("ties_sum_extended: ties_sum's average, times model_stock's t, or the median in its place") {
  for (const size_t inputs : {3u, 4u, 6u})
    for (const size_t count : {0u, 1u, 1300u, kLongTensor})
      for (const double k : {1.0, 0.3})
        for (const int way : {0, 1, 2}) {
          const VoteNumbers of{.k = k, .vote_sgn = way == 1, .stock = way == 1, .median = way == 2};
          check_tensors(
              "ties_sum_extended", arguments_of(inputs, of),
              [=](const std::vector<Vector>& x) { return voted("ties_sum_extended", x, of); }, way == 2 ? 32 : 8,
              voting_tensors(inputs, count));
        }
}

TEST_CASE("ties_sum_extended: without either it is ties_sum") {
  const auto x = voting_tensors(4, 1300);
  CHECK(run(x, {.k = 0.2}).out == merged_by_tensor("ties_sum", with_values(4, {1, 0.2, 0}), x).out);
}

TEST_CASE("ties_sum_extended: equal directions are kept whole, opposite ones are at odds") {
  CHECK(run({{0, 0}, {3, 4}, {3, 4}}, {.stock = true}).out == std::vector<float>{3, 4});
  // What is elected of them has nothing in common.
  CHECK(run({{0, 0}, {3, 1}, {-1, -2}}, {.vote_sgn = true, .stock = true}).out == std::vector<float>{0, 0});
}

TEST_CASE("ties_sum_extended: of one checkpoint beside A the median is that one, and there is no t") {
  CHECK(run({{1, 1}, {2, 3}}, {.median = true}).out == std::vector<float>{2, 3});
  CHECK(coefficients("ties_sum_extended", arguments_of(2, {.stock = true})).fault.starts_with("apply_stock needs two"));
  CHECK(
      coefficients("ties_sum_extended", arguments_of(3, {.stock = true, .median = true})).fault.ends_with("give one"));
  Arguments bad = arguments_of(3, {.median = true});
  bad.values[5].number = 0;
  CHECK(coefficients("ties_sum_extended", bad).fault.starts_with("eps"));
}

TEST_CASE("ties_sum_extended: equal stays equal, NaN stays where it is") {
  for (const VoteNumbers& of :
       {VoteNumbers{.k = 0.3}, VoteNumbers{.k = 1, .stock = true}, VoteNumbers{.k = 0.3, .median = true}})
    check_equal_tensors_stay("ties_sum_extended", arguments_of(3, of));
  check_nan_stays_alone("ties_sum_extended", arguments_of(4, {.k = 0.3, .vote_sgn = true}));
  check_nan_stays_alone("ties_sum_extended", arguments_of(4, {.k = 0.3, .vote_sgn = true, .median = true}));
}

}  // namespace ckmerge
