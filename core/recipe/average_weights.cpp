// SPDX-License-Identifier: Apache-2.0
#include "core/recipe/average_weights.h"

#include <algorithm>
#include <cmath>

#include "io/text/error.h"

namespace ckmerge {
namespace {

constexpr double kLn2 = 0x1.62e42fefa39efp-1;

// Of x in (0, 1]: x = m * 2^e with m near 1, and ln m from the series of atanh, whose argument is below 0.172.
double log_of(double x) {
  int exponent = 0;
  double m = std::frexp(x, &exponent);  // exact, as ldexp is
  if (m < 0.70710678118654752) {
    m *= 2;
    --exponent;
  }
  const double s = (m - 1) / (m + 1), square = s * s;
  double sum = 0;
  for (int k = 23; k >= 1; k -= 2) sum = sum * square + 1.0 / k;
  return exponent * kLn2 + 2 * s * sum;
}

// Of y <= 0: Taylor's series below half a ln 2, scaled.
double exp_of(double y) {
  const double n = std::nearbyint(y / kLn2), r = y - n * kLn2;
  double sum = 1;
  for (int k = 16; k >= 1; --k) sum = 1 + sum * r / k;
  return n < -2000 ? 0 : std::ldexp(sum, static_cast<int>(n));
}

}  // namespace

std::vector<double> ema_weights(size_t snapshots, double beta) {
  if (!(beta >= 0 && beta < 1)) throw Error(ErrorCode::usage, "--beta", "--beta must be at least 0 and below 1");
  std::vector<double> weights(snapshots);
  double kept = 1;
  for (size_t k = snapshots; k-- > 1;) {
    weights[k] = (1 - beta) * kept;
    kept *= beta;
  }
  if (snapshots > 0) weights[0] = kept;
  return weights;
}

std::vector<double> power_weights(size_t snapshots, double gamma) {
  if (!(gamma >= 0 && gamma <= 1000)) throw Error(ErrorCode::usage, "--gamma", "--gamma must be between 0 and 1000");
  std::vector<double> weights(snapshots);
  double before = 0;  // (k / n)^(gamma + 1) of the snapshot before
  for (size_t k = 0; k < snapshots; ++k) {
    const double until = exp_of((gamma + 1) * log_of(static_cast<double>(k + 1) / static_cast<double>(snapshots)));
    weights[k] = until - before;
    before = until;
  }
  return weights;
}

}  // namespace ckmerge
