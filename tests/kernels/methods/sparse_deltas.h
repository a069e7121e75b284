// SPDX-License-Identifier: Apache-2.0
// Methods that thin out deltas, from their definitions: in f32, by sorting.
#pragma once

#include <cmath>
#include <vector>

#include "tests/kernels/methods/method_runs.h"
#include "tests/kernels/naive_cut.h"

namespace ckmerge {

/// A, and others that lie near it, some of whose differences are 0.
inline std::vector<std::vector<float>> near_checkpoints(size_t inputs, size_t count) {
  std::vector<std::vector<float>> all = {weights(1, count)};
  for (size_t k = 1; k < inputs; ++k) {
    all.push_back(weights(static_cast<unsigned>(k + 1), count));
    for (size_t i = 0; i < count; ++i) all[k][i] = i % 7 == k ? all[0][i] : all[0][i] + 0.25f * (all[k][i] - all[0][i]);
  }
  return all;
}

/// A delta of which positions [from, to) stay, in the order of magnitudes.
inline std::vector<float> thinned(const std::vector<float>& base, const std::vector<float>& other, size_t from,
                                  size_t to) {
  std::vector<float> delta(base.size());
  for (size_t i = 0; i < base.size(); ++i) delta[i] = other[i] - base[i];
  const std::vector<bool> stays = among_largest(delta, from, to);
  for (size_t i = 0; i < base.size(); ++i) delta[i] = stays[i] ? delta[i] : 0;
  return delta;
}

/// Added to A, weighted; with `elects` what has the sign of the sum alone.
inline std::vector<float> added(const std::vector<float>& base, const std::vector<std::vector<float>>& deltas,
                                const std::vector<float>& weights, bool elects, bool normalize, float alpha) {
  std::vector<float> out = base;
  for (size_t i = 0; i < base.size(); ++i) {
    float total = 0, sum = 0, divisor = 0;
    for (size_t k = 0; k < deltas.size(); ++k) total += weights[k] * deltas[k][i];
    for (size_t k = 0; k < deltas.size(); ++k) {
      const float term = weights[k] * deltas[k][i];
      if (elects && !(total >= 0 ? term > 0 : term < 0)) continue;
      sum += term;
      divisor += weights[k];
    }
    if (normalize && divisor != 0) sum /= divisor;
    out[i] = base[i] + alpha * sum;
  }
  return out;
}

/// The arguments of such a method. `more`: from the fourth parameter on, flags among them.
inline Arguments sparse_arguments(size_t inputs, double alpha, const std::vector<double>& weights, double density,
                                  const std::vector<double>& densities, const std::vector<double>& more) {
  Arguments arguments;
  arguments.inputs = inputs;
  arguments.values[0].number = alpha;
  arguments.values[1].numbers = weights;
  arguments.values[2].number = density;
  arguments.values[3].numbers = densities;
  for (size_t k = 0; k < more.size(); ++k) arguments.values[4 + k].number = more[k];
  return arguments;
}

}  // namespace ckmerge
