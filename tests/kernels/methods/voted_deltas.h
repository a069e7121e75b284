// SPDX-License-Identifier: Apache-2.0
// ties_sum and its kin by their definition, in f64 over whole tensors: sorted, voted on element by element, and a
// median that steps over vectors.
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "tests/kernels/methods/dare_runs.h"
#include "tests/kernels/methods/sparse_deltas.h"

namespace ckmerge {

struct VoteNumbers {
  double alpha = 1, k = 1;
  bool vote_sgn = false, stock = false, median = false;
  double probability = 0;
  bool rescale = true;
  double seed = 0;
};

/// The differences, in f32, of which the largest stay.
inline std::vector<Vector> voted_differences(const std::string& method, const std::vector<Vector>& x,
                                             const VoteNumbers& of) {
  std::vector<Vector> all;
  for (size_t k = 1; k < x.size(); ++k) {
    const size_t count = x[0].size();
    const std::vector<bool> mask = dare_mask(method, 1 - of.probability, of.seed, k, count);
    std::vector<float> delta(count);
    for (size_t i = 0; i < count; ++i)
      delta[i] = mask[i] ? static_cast<float>(x[k][i]) - static_cast<float>(x[0][i]) : 0;
    std::vector<float> sorted = delta;
    std::ranges::sort(sorted, {}, [](float value) { return std::fabs(value); });
    const size_t rank = std::max<size_t>(1, static_cast<size_t>((1 - of.k) * static_cast<double>(count)));
    for (float& value : delta)
      if (std::fabs(value) < std::fabs(sorted[rank - 1])) value = 0;
    all.emplace_back(delta.begin(), delta.end());
  }
  return all;
}

/// Of each element those that have the elected sign; `counts` says how many these are.
inline std::vector<Vector> elected_differences(const std::vector<Vector>& deltas, bool vote_sgn, Vector& counts) {
  std::vector<Vector> all = deltas;
  counts.assign(deltas[0].size(), 0);
  for (size_t i = 0; i < counts.size(); ++i) {
    double vote = 0;
    for (const Vector& delta : deltas) vote += vote_sgn ? delta[i] : (delta[i] > 0) - (delta[i] < 0);
    for (Vector& delta : all) {
      if (delta[i] * vote > 0)
        ++counts[i];
      else
        delta[i] = 0;
    }
  }
  return all;
}

inline Vector naive_median(const std::vector<Vector>& points) {
  Vector weights(points.size(), 1);
  Vector median;
  for (int step = 0; step <= 100; ++step) {
    double sum = 0;
    for (const double weight : weights) sum += weight;
    for (double& weight : weights) weight /= sum;
    median = sum_of(weights, points);
    for (size_t k = 0; k < points.size(); ++k) weights[k] = 1 / std::max(1e-6, length(difference(points[k], median)));
  }
  return median;
}

inline double naive_stock(const std::vector<Vector>& points) {
  double sum = 0, pairs = 0;
  for (size_t i = 0; i < points.size(); ++i)
    for (size_t j = i + 1; j < points.size(); ++j, ++pairs)
      sum += dot(points[i], points[j]) / std::max(length(points[i]) * length(points[j]), 1e-6);
  const auto n = static_cast<double>(points.size());
  const double cosine = sum / pairs;
  return n * cosine / (1 + (n - 1) * cosine);
}

inline Vector voted(const std::string& method, const std::vector<Vector>& x, const VoteNumbers& of) {
  if (x[0].empty()) return {};
  Vector counts, out = x[0];
  const std::vector<Vector> points = elected_differences(voted_differences(method, x, of), of.vote_sgn, counts);
  Vector sum = sum_of(std::vector<double>(points.size(), 1), points);
  for (size_t i = 0; i < sum.size(); ++i) sum[i] /= std::max(1.0, counts[i]);
  if (of.median) sum = naive_median(points);
  const double factor =
      (of.stock ? naive_stock(points) : 1) * of.alpha / (of.rescale && of.probability < 1 ? 1 - of.probability : 1);
  for (size_t i = 0; i < sum.size(); ++i) out[i] += factor * sum[i];
  return out;
}

/// Tensors of which no two votes by size come to next to nothing.
inline std::vector<std::vector<float>> voting_tensors(size_t inputs, size_t count) {
  std::vector<std::vector<float>> x = near_checkpoints(inputs, count);
  for (size_t k = 1; k < inputs; ++k)
    for (size_t i = 0; i < count; ++i)
      if (i % 3 == k % 3) x[k][i] = x[0][i] + 8 * (x[k][i] - x[0][i]);
  return x;
}

}  // namespace ckmerge
