// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "tests/kernels/methods/method_runs.h"

namespace ckmerge {

TEST_CASE("n_average: the average, with the bits of linear without weights") {
  for (const size_t inputs : {1u, 2u, 3u, 9u}) {
    const Arguments arguments = with_values(inputs, {});
    const auto average = [](const std::vector<double>& x) {
      double sum = 0;
      for (const double value : x) sum += value;
      return sum / static_cast<double>(x.size());
    };
    check_definition("n_average", arguments, average, static_cast<double>(inputs));
    const std::vector<double> c = coefficients("n_average", arguments).values;
    CHECK(c == coefficients("linear", with_numbers(inputs, {}, true)).values);
    const std::vector<std::vector<float>> tensors(inputs, weights(3));
    CHECK(merged("n_average", c, tensors) == merged("linear", c, tensors));
  }
  CHECK(copied("n_average", {1}, 1) == 0);
  check_equal_stays("n_average", with_values(3, {}));
  check_nan_stays("n_average", with_values(3, {}));
}

}  // namespace ckmerge
