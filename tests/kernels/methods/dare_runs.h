// SPDX-License-Identifier: Apache-2.0
// The masks of both methods of DARE by their definition, and what they keep.
#pragma once

#include <cmath>
#include <string>
#include <vector>

#include "tests/kernels/methods/tensor_runs.h"
#include "tests/kernels/naive_placed.h"

namespace ckmerge {

struct DareNumbers {
  double alpha = 1;
  std::vector<double> weights = {};
  double density = 1;
  std::vector<double> densities = {};
  bool normalize = false, rescale = true;
  double seed = 0;
};

inline Arguments dare_arguments(size_t inputs, const DareNumbers& of) {
  Arguments arguments =
      with_values(inputs, {of.alpha, 0, of.density, 0, of.normalize ? 1.0 : 0, of.rescale ? 1.0 : 0, of.seed});
  arguments.values[1].numbers = of.weights;
  arguments.values[3].numbers = of.densities;
  return arguments;
}

/// Which elements of the tensor `weight` input k keeps.
inline std::vector<bool> dare_mask(const std::string& method, double density, double seed, size_t k, size_t count) {
  uint32_t hash = 0x811c9dc5;
  for (const char c : method) hash = (hash ^ static_cast<unsigned char>(c)) * 0x01000193;
  Program program{
      .code = {{.op = Op::uniform, .operand = static_cast<uint16_t>(k), .k0 = seed, .k1 = static_cast<double>(hash)}}};
  const uint64_t shape[] = {count};
  fill_places(program, {.name = "weight", .shape = shape});
  std::vector<bool> kept(count);
  for (size_t i = 0; i < count; ++i)
    kept[i] = density >= 1 || naive_placed(program.code[0], i) < static_cast<float>(density);
  return kept;
}

/// Of each checkpoint but the first: its weighted differences from the first, of which some are dropped, rescaled.
inline std::vector<Vector> dare_deltas(const std::string& method, const std::vector<Vector>& x, const DareNumbers& of) {
  std::vector<Vector> all;
  for (size_t k = 1; k < x.size(); ++k) {
    const double density = of.density * (of.densities.empty() ? 1 : of.densities[k]);
    const std::vector<bool> mask = dare_mask(method, density, of.seed, k, x[0].size());
    Vector delta = difference(x[k], x[0]);
    double before = 0, after = 0;
    for (size_t i = 0; i < delta.size(); ++i) {
      before += std::fabs(delta[i]);
      if (!mask[i] || density <= 0) delta[i] = 0;
      after += std::fabs(delta[i]);
    }
    const double scale = of.rescale && density < 1 && before >= 1e-7 && after >= 1e-7 ? before / after : 1;
    all.push_back(sum_of({scale * (of.weights.empty() ? 1 : of.weights[k])}, {delta}));
  }
  return all;
}

}  // namespace ckmerge
