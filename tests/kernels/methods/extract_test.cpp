// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "tests/kernels/methods/method_runs.h"

namespace ckmerge {
namespace {

// supermerger's, over rows of one element, whose cosine is the sign.
double extracted(const std::vector<double>& x, double alpha, double beta, double gamma) {
  const double b = x[1] - x[0], c = x[2] - x[0];
  const double cosine = b == 0 || c == 0 ? 0 : (b < 0) == (c < 0) ? 1 : -1;
  const double likeness = std::pow((cosine + 1) / 2, gamma);
  return x[0] + ((1 - alpha) * b + alpha * c) * ((1 - beta) * likeness + beta * (1 - likeness));
}

}  // namespace

TEST_CASE("extract: what B and C have beyond A in common, and what each has by itself") {
  for (const double alpha : {0.0, 0.3, 1.0})
    for (const double beta : {0.0, 0.4, 1.0})
      for (const double gamma : {0.0, 0.5, 1.0, 2.5}) {
        const auto right = [&](const std::vector<double>& x) { return extracted(x, alpha, beta, gamma); };
        check_definition("extract", with_values(3, {alpha, beta, gamma}), right, 8);
        check_equal_stays("extract", with_values(3, {alpha, beta, gamma}));
      }
  check_nan_stays("extract", with_values(3, {0.5, 0.25, 1}));
}

TEST_CASE("extract: differences so small that their product vanishes still have a sign") {
  const float tiny = 0x1p-140f;
  const auto run = [&](float b, float c, double beta) {
    return merged("extract", coefficients("extract", with_values(3, {0, beta, 1})).values, {{0}, {b}, {c}})[0];
  };
  CHECK(run(tiny, tiny, 0) == tiny);
  CHECK(run(tiny, -tiny, 0) == 0);
  CHECK(run(-tiny, tiny, 1) == -tiny);
  CHECK(run(8 * tiny, 0, 0) == 4 * tiny);
  CHECK(coefficients("extract", with_values(3, {0.5, 0, -1})).fault.starts_with("gamma must not"));
}

}  // namespace ckmerge
