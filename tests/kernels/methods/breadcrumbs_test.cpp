// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "kernels/methods/breadcrumbs.h"
#include "tests/kernels/methods/sparse_deltas.h"

namespace ckmerge {
namespace {

using Numbers = std::vector<double>;

TensorRun run(const std::vector<std::vector<float>>& inputs, double density, double gamma, const Numbers& weights = {},
              bool normalize = false, bool rescale = false) {
  return merged_by_tensor(
      "breadcrumbs",
      sparse_arguments(inputs.size(), 0.75, weights, density, {}, {gamma, 0, double(normalize), double(rescale)}),
      inputs);
}

}  // namespace

TEST_CASE("breadcrumbs: neither the largest nor the small ones stay") {
  for (const size_t count : {1u, 3u, 40u, 1300u})
    for (const double density : {0.001, 0.2, 0.5, 0.999})
      for (const double gamma : {0.0, 0.01, 0.3, 1.0})
        for (const Numbers& given : {Numbers{}, Numbers{9, 0.5, 0.25, 1}})
          for (const bool normalize : {true, false}) {
            const auto inputs = near_checkpoints(4, count);
            const size_t stay = std::max<size_t>(1, static_cast<size_t>(density * double(count)));
            const size_t go = std::min(static_cast<size_t>(gamma * double(count)), count - stay);
            std::vector<std::vector<float>> deltas;
            std::vector<float> weights;
            for (size_t k = 1; k < 4; ++k) {
              deltas.push_back(thinned(inputs[0], inputs[k], go, go + stay));
              weights.push_back(given.empty() ? 1 : static_cast<float>(given[k]));
            }
            CHECK(run(inputs, density, gamma, given, normalize).out ==
                  added(inputs[0], deltas, weights, false, normalize, 0.75f));
          }
}

TEST_CASE("breadcrumbs: with density 1 all stays, whatever gamma is; with 0 A is left") {
  const auto inputs = near_checkpoints(2, 500);
  const TensorRun all = run(inputs, 1, 0.5);
  CHECK(all.statistics.empty());
  CHECK(all.out == added(inputs[0], {thinned(inputs[0], inputs[1], 0, 500)}, {1}, false, false, 0.75f));
  const Coefficients none = coefficients("breadcrumbs", sparse_arguments(2, 1, {}, 0, {}, {0.1, 0, 0, 0}));
  CHECK(copied("breadcrumbs", none.values, 2) == 0u);
}

TEST_CASE("breadcrumbs: a gamma for each checkpoint, equal magnitudes, rescaled") {
  const std::vector<std::vector<float>> inputs = {{0, 0, 0, 0, 0}, {1, -1, 2, 1, 1}, {-2, 4, 8, 0, 0}};
  const Numbers gammas = {0, 0.4, 0};
  Arguments arguments = sparse_arguments(3, 1, {}, 0.4, {}, {0.9, 0, 0, 1});
  arguments.values[5].numbers = gammas;
  const TensorRun got = merged_by_tensor("breadcrumbs", arguments, inputs);
  // of B the 2 and the first 1 go, the next two stay, 2 of 6 in magnitude; of C the two largest, 12 of 14
  const float third = static_cast<float>(14.0 / 12);
  CHECK(got.out == std::vector<float>{0, -3 + third * 4, third * 8, 3, 0});
}

TEST_CASE("breadcrumbs: gammas beyond 0 and 1 are refused") {
  for (const double gamma : {-0.1, 1.5})
    CHECK(coefficients("breadcrumbs", sparse_arguments(2, 1, {}, 0.5, {}, {gamma, 0, 0, 0})).fault.find("gamma") == 0);
}

}  // namespace ckmerge
