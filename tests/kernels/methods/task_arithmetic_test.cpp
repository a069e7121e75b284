// SPDX-License-Identifier: Apache-2.0
#include <numeric>

#include "tests/kernels/methods/method_runs.h"

namespace ckmerge {
namespace {

// alpha, weights for every checkpoint, and whether they are normalized.
Arguments arguments(double alpha, const std::vector<double>& weights, size_t inputs, bool normalize = false) {
  Arguments all;
  all.inputs = inputs;
  all.values[0].number = alpha;
  all.values[1].numbers = weights;
  all.values[2].number = normalize;
  return all;
}

}  // namespace

TEST_CASE("task_arithmetic: A and the weighted differences from it") {
  for (const size_t inputs : {2u, 3u, 5u, 12u}) {
    std::vector<double> weights(inputs);
    std::iota(weights.begin(), weights.end(), -1.5);
    for (const double alpha : {1.0, 0.3, -0.5}) {
      const auto right = [&](const std::vector<double>& x) {
        double sum = 0;
        for (size_t k = 1; k < x.size(); ++k) sum += weights[k] * (x[k] - x[0]);
        return x[0] + alpha * sum;
      };
      check_definition("task_arithmetic", arguments(alpha, weights, inputs), right,
                       4.0 * static_cast<double>(inputs * inputs));
    }
    check_equal_stays("task_arithmetic", arguments(0.7, weights, inputs));
    check_nan_stays("task_arithmetic", arguments(0.7, {}, inputs));
  }
}

TEST_CASE("task_arithmetic: mergekit's order of roundings, that of its divisor included") {
  const std::vector<float> a = weights(1), b = weights(2), c = weights(3);
  const std::vector<double> wanted = {9, 0.7, 0.4};
  for (const bool normalize : {false, true}) {
    const Arguments given = arguments(0.9, wanted, 3, normalize);
    const auto got = merged("task_arithmetic", coefficients("task_arithmetic", given).values, {a, b, c});
    volatile float divisor = 0.7f + 0.4f;
    size_t wrong = 0;
    for (size_t i = 0; i < a.size(); ++i) {
      volatile float first = 0.7f * (b[i] - a[i]), second = 0.4f * (c[i] - a[i]), sum = first + second;
      volatile float share = normalize ? sum / divisor : sum, moved = 0.9f * share;
      wrong += got[i] != a[i] + moved;
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE("task_arithmetic: weights without A's are normalized; one model with weight 1 is add_difference") {
  const auto values = [](const Arguments& given) { return coefficients("task_arithmetic", given).values; };
  CHECK(values(arguments(1, {7, 1, 3}, 3, true)) == std::vector<double>{1, 0.25, 0.75, 1, 1, 3});
  CHECK(coefficients("task_arithmetic", arguments(1, {1, 1, -1}, 3, true)).fault.starts_with("the weights of all but"));
  CHECK(values(arguments(1, {}, 3)) == std::vector<double>{1, 1, 1, 0, 0, 0});
  CHECK(copied("task_arithmetic", values(arguments(0, {}, 3)), 3) == 0);
  CHECK(copied("task_arithmetic", values(arguments(0, {}, 3, true)), 3) == 0);
  const std::vector<float> a = weights(1), b = weights(2);
  CHECK(merged("task_arithmetic", values(arguments(0.3, {}, 2)), {a, b}) == merged("add_difference", {0.3}, {a, b, a}));
  for (const size_t inputs : {2u, 4u}) {
    check_equal_stays("task_arithmetic", arguments(0.7, {}, inputs, true));
    check_nan_stays("task_arithmetic", arguments(0.7, {}, inputs, true));
  }
}

}  // namespace ckmerge
