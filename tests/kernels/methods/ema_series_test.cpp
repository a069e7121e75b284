// SPDX-License-Identifier: Apache-2.0
#include "tests/kernels/methods/method_runs.h"

namespace ckmerge {

TEST_CASE("ema_series: an average that every further checkpoint moves") {
  for (const double decay : {0.5, 0.9, 0.1})
    for (const size_t inputs : {1u, 2u, 5u})
      check_definition(
          "ema_series", with_number(inputs, decay),
          [=](const std::vector<double>& x) {
            double average = x[0];
            for (size_t k = 1; k < x.size(); ++k) average = decay * average + (1 - decay) * x[k];
            return average;
          },
          5);
}

TEST_CASE("ema_series: linear with the same weights, to the bit") {
  const std::vector<double> all = coefficients("ema_series", with_number(3, 0.75)).values;
  CHECK(all == std::vector{0.5625, 0.1875, 0.25});
  const std::vector<std::vector<float>> x = {weights(1), weights(2), weights(3)};
  CHECK(merged("ema_series", all, x) == merged("linear", coefficients("linear", with_numbers(3, all, true)).values, x));
}

TEST_CASE("ema_series: the ends are copies, equal stays equal, NaN stays where it is, decay has its limits") {
  CHECK(copied("ema_series", coefficients("ema_series", with_number(3, 0)).values, 3) == 2);
  CHECK(copied("ema_series", coefficients("ema_series", with_number(3, 1)).values, 3) == 0);
  check_equal_stays("ema_series", with_number(7, 0.9));
  check_nan_stays("ema_series", with_number(3, 0.9));
  for (const double decay : {-0.1, 1.1})
    CHECK(coefficients("ema_series", with_number(2, decay)).fault.starts_with("decay"));
}

}  // namespace ckmerge
