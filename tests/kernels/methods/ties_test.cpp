// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <cmath>

#include "kernels/methods/ties.h"
#include "tests/kernels/methods/sparse_deltas.h"

namespace ckmerge {
namespace {

using Numbers = std::vector<double>;

TensorRun run(const std::vector<std::vector<float>>& inputs, double density, const Numbers& weights = {},
              bool normalize = true, bool rescale = false, double alpha = 1) {
  return merged_by_tensor(
      "ties", sparse_arguments(inputs.size(), alpha, weights, density, {}, {double(normalize), double(rescale)}),
      inputs);
}

}  // namespace

TEST_CASE("ties: the largest of every difference, of one sign in each element, over the weights that count") {
  for (const size_t count : {1u, 3u, 40u, 1300u})
    for (const double density : {0.001, 0.2, 0.5, 0.999})
      for (const Numbers& given : {Numbers{}, Numbers{9, 0.5, 0.25, 1}, Numbers{9, 1, -0.5, 0.25}})
        for (const bool normalize : {true, false}) {
          const auto inputs = near_checkpoints(4, count);
          const size_t stay = std::max<size_t>(1, static_cast<size_t>(density * double(count)));
          std::vector<std::vector<float>> deltas;
          std::vector<float> weights;
          for (size_t k = 1; k < 4; ++k) {
            deltas.push_back(thinned(inputs[0], inputs[k], 0, stay));
            weights.push_back(given.empty() ? 1 : static_cast<float>(given[k]));
          }
          CHECK(run(inputs, density, given, normalize, false, 0.75).out ==
                added(inputs[0], deltas, weights, true, normalize, 0.75f));
        }
}

TEST_CASE("ties: with density 1 all stays, and nothing has to be known of the tensor; with 0 A is left") {
  const auto inputs = near_checkpoints(3, 500);
  const TensorRun all = run(inputs, 1);
  CHECK(all.statistics.empty());
  CHECK(all.out == added(inputs[0], {thinned(inputs[0], inputs[1], 0, 500), thinned(inputs[0], inputs[2], 0, 500)},
                         {1, 1}, true, true, 1));
  const Coefficients none = coefficients("ties", sparse_arguments(3, 1, {}, 0, {}, {1, 0}));
  CHECK(copied("ties", none.values, 3) == 0u);
}

TEST_CASE("ties: a density for each checkpoint") {
  const auto inputs = near_checkpoints(3, 1000);
  const Numbers densities = {0, 0.1, 1};
  const TensorRun got = merged_by_tensor("ties", sparse_arguments(3, 1, {}, 0.5, densities, {1, 0}), inputs);
  CHECK(got.statistics.size() == 2);
  CHECK(got.out == added(inputs[0], {thinned(inputs[0], inputs[1], 0, 100), thinned(inputs[0], inputs[2], 0, 1000)},
                         {1, 1}, true, true, 1));
}

TEST_CASE("ties: of equal magnitudes the lowest indices stay") {
  const std::vector<std::vector<float>> inputs = {{0, 0, 0, 0, 0, 0}, {1, -1, 2, 1, -1, 1}};
  CHECK(run(inputs, 0.5).out == std::vector<float>{1, -1, 2, 0, 0, 0});
  CHECK(run(inputs, 0.17).out == std::vector<float>{0, 0, 2, 0, 0, 0});
  CHECK(run(inputs, 0.01).out == std::vector<float>{0, 0, 2, 0, 0, 0});  // one at least
}

TEST_CASE("ties: a sum of 0 counts as plus") {
  CHECK(run({{0, 0}, {3, 1}, {-3, 2}}, 1).out == std::vector<float>{3, 1.5f});
  CHECK(run({{0, 0}, {3, 1}, {-3, -2}}, 1, {1, 1, 1}, false).out == std::vector<float>{3, -2});
}

TEST_CASE("ties: rescaled by the sums of magnitudes, unless they are next to nothing") {
  const std::vector<std::vector<float>> inputs = {{0, 0, 0, 0}, {4, -2, 1, 1}};
  const TensorRun got = run(inputs, 0.25, {}, true, true);
  CHECK(got.statistics == Numbers{4, 1, 8, 4});
  CHECK(got.out == std::vector<float>{8, 0, 0, 0});
  CHECK(run({{0, 0}, {4e-8f, 1e-8f}}, 0.5, {}, true, true).out == std::vector<float>{4e-8f, 0});
}

TEST_CASE("ties: NaN is the largest magnitude; equal checkpoints stay as they are, NaN, Inf and -0 too") {
  const std::vector<float> got = run({{1, 1, 1, 1}, {2, NAN, 3, 1}}, 0.5).out;
  CHECK(got[0] == 1);
  CHECK(std::isnan(got[1]));
  CHECK(got[2] == 3);
  const std::vector<float> special = {NAN, -INFINITY, -0.0f, 0x1p-149f, 1};
  const std::vector<float> same = run({special, special, special}, 0.5).out;
  for (size_t i = 0; i < special.size(); ++i) {
    CHECK(std::signbit(same[i]) == std::signbit(special[i]));
    CHECK((same[i] == special[i] || std::isnan(special[i])));
  }
}

TEST_CASE("ties: densities beyond 0 and 1 are refused") {
  for (const double density : {-0.1, 1.5})
    CHECK(coefficients("ties", sparse_arguments(2, 1, {}, density, {}, {1, 0})).fault.find("density") == 0);
}

}  // namespace ckmerge
