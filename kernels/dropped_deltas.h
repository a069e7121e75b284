// SPDX-License-Identifier: Apache-2.0
// Differences from a base of which elements are dropped at random, as both methods of DARE have them: their numbers,
// what is gathered of them, and the factor that makes the sum of magnitudes what it was before.
#pragma once

#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include "kernels/method.h"

namespace ckmerge {

/// The coefficients of such a method: the factor of the whole, a weight for every checkpoint but A, with the factor of
/// what was kept in it where that is known per tensor; then, as given, a share of elements for every checkpoint, and
/// whether weights are normalized, sums of magnitudes kept, and the seed.
struct DroppedDeltas {
  static constexpr size_t kParameters = 7;
  static constexpr std::array<ParameterSpec, kMaxParameters> parameters{
      {{"alpha", ParameterKind::number, 1, "1", "how much of the sum to add", nullptr, kShare},
       {"weights",
        ParameterKind::numbers,
        0,
        "1 each",
        "one weight per checkpoint, A's included, which changes nothing",
        nullptr,
        {},
        1},
       {"density", ParameterKind::number, 1, "1", "share of elements that are kept, from 0 to 1"},
       {"densities",
        ParameterKind::numbers,
        0,
        "density each",
        "one density per checkpoint, A's included",
        nullptr,
        {},
        1},
       {"normalize", ParameterKind::flag, 0, "off", ""},
       {"rescale", ParameterKind::flag, 1, "on",
        "multiply what is kept, so that its magnitudes add up to what they did"},
       {"seed", ParameterKind::number, 0, "0", "which masks: a whole number from 0"}}};

  static constexpr std::array<ParameterSpec, kMaxParameters> parameters_with(const char* normalize) {
    std::array<ParameterSpec, kMaxParameters> all = parameters;
    all[4].meaning = normalize;
    return all;
  }

  static constexpr size_t coefficient_count(size_t inputs) { return 2 * inputs + 3; }
  static size_t inputs_of(std::span<const double> c) { return (c.size() - 3) / 2; }
  static size_t density_at(size_t inputs, size_t k) { return inputs + k; }
  static size_t normalize_at(size_t inputs) { return 2 * inputs; }
  static size_t rescale_at(size_t inputs) { return 2 * inputs + 1; }
  static size_t seed_at(size_t inputs) { return 2 * inputs + 2; }

  static const char* coefficients(const Arguments& arguments, std::span<double> c) {
    const size_t inputs = arguments.inputs;
    const std::span<const double> weights = arguments.values[1].numbers, densities = arguments.values[3].numbers;
    const double density = arguments.values[2].number, seed = arguments.values[6].number;
    c[0] = arguments.values[0].number;
    c[inputs] = 1;
    if (density < 0 || density > 1) return "density must lie between 0 and 1: it is a share of elements";
    for (size_t k = 1; k < inputs; ++k) {
      c[k] = weights.empty() ? 1 : weights[k];
      c[density_at(inputs, k)] = densities.empty() ? density : densities[k];
      if (!densities.empty() && (densities[k] < 0 || densities[k] > 1))
        return "densities must lie between 0 and 1: they are shares of elements";
    }
    if (seed < 0 || seed >= 0x1p53 || seed != static_cast<double>(static_cast<uint64_t>(seed)))
      return "seed must be a whole number from 0 to 2^53 - 1";
    c[normalize_at(inputs)] = arguments.values[4].number;
    c[rescale_at(inputs)] = arguments.values[5].number;
    c[seed_at(inputs)] = seed;
    return nullptr;
  }

  /// Whether some, but not all of an input's elements are kept.
  static bool is_thinned(double density) { return density > 0 && density < 1; }

  static bool needs_statistics(std::span<const double> c) {
    const size_t inputs = inputs_of(c);
    for (size_t k = 1; k < inputs; ++k)
      if (c[rescale_at(inputs)] != 0 && c[k] != 0 && is_thinned(c[density_at(inputs, k)])) return true;
    return false;
  }

  /// What input k has beyond A where it is kept, else 0. `method` names the masks.
  static Symbol kept(const Tracing& in, const char* method, size_t k) {
    const Symbol delta = in.x(k) - in.x(0), zero = in.number(0.0);
    const Coefficient density = in.given(density_at(in.inputs(), k));
    if (density.value >= 1) return delta;
    if (density.value <= 0) return zero;
    return where_less(in.uniform(method, k, in.given(seed_at(in.inputs()))), in.number(density), delta, zero);
  }

  /// Of each input that is thinned: the sum of all magnitudes, and that of those that are kept.
  static std::vector<Reduced> reductions(const Tracing& in, const char* method) {
    std::vector<Reduced> all;
    for (size_t k = 1; k < in.inputs(); ++k) {
      if (!is_thinned(in.given(density_at(in.inputs(), k)).given)) continue;
      all.push_back({.value = absolute(in.x(k) - in.x(0))});
      all.push_back({.value = absolute(kept(in, method, k))});
    }
    return all;
  }

  // mergekit's: sums below it are left as they are.
  static constexpr double kLeastSum = 1e-7;

  static void tensor_coefficients(std::span<const double> c, const TensorStatistics& found, std::span<double> out) {
    const size_t inputs = inputs_of(c);
    for (size_t k = 1, at = 0; k < inputs; ++k) {
      const double density = c[density_at(inputs, k)];
      if (!is_thinned(density)) continue;
      const double all = found.numbers[at], left = found.numbers[at + 1];
      at += 2;
      if (!std::isfinite(all) || !std::isfinite(left))
        out[k] = c[k] / density;
      else if (all >= kLeastSum && left >= kLeastSum)
        out[k] = c[k] * (all / left);
    }
  }
};

}  // namespace ckmerge
