// SPDX-License-Identifier: Apache-2.0
#include "tests/kernels/methods/voted_deltas.h"

namespace ckmerge {
namespace {

constexpr const char* kMethod = "ties_sum_with_dropout";

Arguments arguments_of(size_t inputs, const VoteNumbers& of) {
  return with_values(inputs, {of.alpha, of.probability, of.rescale ? 1.0 : 0, 0, of.k, of.vote_sgn ? 1.0 : 0,
                              of.stock ? 1.0 : 0, of.median ? 1.0 : 0, of.seed});
}

TensorRun run(const std::vector<std::vector<float>>& x, const VoteNumbers& of) {
  return merged_by_tensor(kMethod, arguments_of(x.size(), of), x);
}

}  // namespace

TEST_CASE("ties_sum_with_dropout: ties_sum_extended of what the masks leave") {
  for (const size_t inputs : {2u, 4u})
    for (const size_t count : {0u, 1u, 1300u, kLongTensor})
      for (const double probability : {0.0, 0.3, 0.9})
        for (const double k : {1.0, 0.2}) {
          const VoteNumbers of{.k = k, .median = inputs == 4, .probability = probability, .seed = 5};
          check_tensors(
              kMethod, arguments_of(inputs, of), [=](const std::vector<Vector>& x) { return voted(kMethod, x, of); },
              32 / (1 - probability), voting_tensors(inputs, count));
        }
}

TEST_CASE("ties_sum_with_dropout: what stays is divided by its share, unless it is left as it is") {
  const auto x = voting_tensors(3, 1300);
  const std::vector<float> whole = run(x, {.probability = 0.5, .rescale = true, .seed = 1}).out,
                           half = run(x, {.probability = 0.5, .rescale = false, .seed = 1}).out;
  for (size_t i = 0; i < x[0].size(); ++i)
    CHECK(whole[i] - x[0][i] == doctest::Approx(2 * (half[i] - x[0][i])).epsilon(1e-5));
  CHECK(run(x, {.probability = 0.5, .seed = 2}).out != whole);
}

TEST_CASE("ties_sum_with_dropout: where all is dropped A is left; nothing is drawn where nothing is") {
  const Coefficients all = coefficients(kMethod, arguments_of(3, {.k = 0.2, .probability = 1}));
  CHECK(copied(kMethod, all.values, 3) == 0u);
  CHECK_FALSE(find_method(kMethod)->needs_statistics(all.values));
  const auto x = voting_tensors(3, 1300);
  CHECK(run(x, {.k = 0.4, .probability = 0}).out == merged_by_tensor("ties_sum", with_values(3, {1, 0.4, 0}), x).out);
}

TEST_CASE("ties_sum_with_dropout: equal stays equal; probability and seed have their limits") {
  check_equal_tensors_stay(kMethod, arguments_of(3, {.k = 0.3, .probability = 0.5}));
  CHECK(coefficients(kMethod, arguments_of(3, {.probability = 1.5})).fault.starts_with("probability"));
  CHECK(coefficients(kMethod, arguments_of(3, {.seed = 0.5})).fault.starts_with("seed"));
}

}  // namespace ckmerge
