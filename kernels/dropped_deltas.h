// SPDX-License-Identifier: Apache-2.0
// Differences from a base of which elements are dropped at random, as both methods of DARE and of DELLA have them:
// their numbers, what is gathered of them, and the factor that makes the sum of magnitudes what it was before.
#pragma once

#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include "kernels/method.h"
#include "kernels/sign_election.h"

namespace ckmerge {

inline constexpr ParameterSpec kMasks{"mergekit_masks",
                                      ParameterKind::flag,
                                      0,
                                      "off",
                                      "the masks that mergekit-yaml draws from the seed, in place of ckmerge's own",
                                      "mergekit-masks"};

/// The coefficients of such a method: the factor of the whole, a weight for every checkpoint but A, with the factor of
/// what was kept in it where that is known per tensor; then, as given, a share of elements for every checkpoint, and
/// whether weights are normalized, sums of magnitudes kept, the seed, and whether masks are mergekit's; and for every
/// checkpoint how far its share may be from that of an element, by the rank of its magnitude (DELLA).
struct DroppedDeltas {
  static constexpr size_t kParameters = 8;
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
       {"seed", ParameterKind::number, 0, "0", "which masks: a whole number from 0"},
       kMasks}};

  static constexpr std::array<ParameterSpec, kMaxParameters> parameters_with(const char* normalize) {
    std::array<ParameterSpec, kMaxParameters> all = parameters;
    all[4].meaning = normalize;
    return all;
  }

  static constexpr size_t coefficient_count(size_t inputs) { return 3 * inputs + 3; }
  static size_t inputs_of(std::span<const double> c) { return (c.size() - 3) / 3; }
  static size_t density_at(size_t inputs, size_t k) { return inputs + k; }
  static size_t normalize_at(size_t inputs) { return 2 * inputs; }
  static size_t rescale_at(size_t inputs) { return 2 * inputs + 1; }
  static size_t seed_at(size_t inputs) { return 2 * inputs + 2; }
  static size_t masks_at(size_t inputs) { return 2 * inputs + 3; }
  static size_t epsilon_at(size_t inputs, size_t k) { return 2 * inputs + 3 + k; }

  /// The values of the parameters, in f64.
  struct Given {
    double alpha;
    std::span<const double> weights;  ///< empty: 1 each
    double density;
    std::span<const double> densities;  ///< empty: the one
    double epsilon = 0;
    std::span<const double> epsilons = {};  ///< likewise
    bool normalize, rescale;
    double seed;
    bool masks;
  };

  static const char* coefficients(const Arguments& arguments, std::span<double> c) {
    const auto& values = arguments.values;
    return fill({.alpha = values[0].number,
                 .weights = values[1].numbers,
                 .density = values[2].number,
                 .densities = values[3].numbers,
                 .normalize = values[4].number != 0,
                 .rescale = values[5].number != 0,
                 .seed = values[6].number,
                 .masks = values[7].number != 0},
                arguments.inputs, c);
  }

  static const char* fill(const Given& given, size_t inputs, std::span<double> c) {
    const std::span<const double> weights = given.weights, densities = given.densities;
    const double density = given.density, seed = given.seed;
    c[0] = given.alpha;
    c[inputs] = 1;
    if (density < 0 || density > 1) return "density must lie between 0 and 1: it is a share of elements";
    for (size_t k = 1; k < inputs; ++k) {
      c[k] = weights.empty() ? 1 : weights[k];
      c[density_at(inputs, k)] = densities.empty() ? density : densities[k];
      if (!densities.empty() && (densities[k] < 0 || densities[k] > 1))
        return "densities must lie between 0 and 1: they are shares of elements";
      c[epsilon_at(inputs, k)] = given.epsilons.empty() ? given.epsilon : given.epsilons[k];
      if (const char* const fault = epsilon_fault(c[density_at(inputs, k)], c[epsilon_at(inputs, k)])) return fault;
    }
    if (seed < 0 || seed >= 0x1p53 || seed != static_cast<double>(static_cast<uint64_t>(seed)))
      return "seed must be a whole number from 0 to 2^53 - 1";
    c[normalize_at(inputs)] = given.normalize;
    c[rescale_at(inputs)] = given.rescale;
    c[seed_at(inputs)] = seed;
    c[masks_at(inputs)] = given.masks;
    return nullptr;
  }

  /// Of a density of 0 or 1 nothing is drawn, whatever epsilon is.
  static const char* epsilon_fault(double density, double epsilon) {
    if (!is_thinned(density) || epsilon == 0) return nullptr;
    if (epsilon < 0) return "epsilon must be 0 or above: it is how far shares are from density";
    if (density - epsilon <= 0 || density + epsilon >= 1)
      return "density - epsilon must be above 0 and density + epsilon below 1: they are shares of elements";
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

  /// Where the share hangs on ranks, masks of our own, or ranks whose equal ones are mergekit's; and draws of
  /// mergekit's. Of a density of 0 DARE draws for nothing, as mergekit does, and DELLA does not.
  static std::vector<MadeOperand> made(size_t inputs, std::span<const double> c, const char* method,
                                       bool draws_for_nothing) {
    std::vector<MadeOperand> all;
    const bool masks = c[masks_at(inputs)] != 0;
    for (size_t k = 1; k < inputs; ++k) {
      const double density = c[density_at(inputs, k)], epsilon = c[epsilon_at(inputs, k)], seed = c[seed_at(inputs)];
      const bool thinned = is_thinned(density);
      if (thinned && epsilon != 0 && masks) all.push_back({.kind = MadeOperand::Kind::torch_rank, .input = k});
      if (thinned && epsilon != 0 && !masks)
        all.push_back({.kind = MadeOperand::Kind::mask,
                       .input = k,
                       .mask = {.method = method,
                                .shares = {density - epsilon, 2 * epsilon},
                                .share32 = share_at<float>,
                                .share64 = share_at<double>},
                       .seed = seed});
      if (masks && (thinned || (density < 1 && draws_for_nothing)))
        all.push_back({.kind = MadeOperand::Kind::draw, .input = k, .seed = seed});
    }
    return all;
  }

  /// What input k has beyond A where it is kept, else 0. `method` names the masks.
  static Symbol kept(const Tracing& in, const char* method, size_t k) {
    const Symbol delta = in.x(k) - in.x(0), zero = in.number(0.0);
    const Coefficient density = in.given(density_at(in.inputs(), k));
    if (density.value >= 1) return delta;
    if (density.value <= 0) return zero;
    const double epsilon = in.given(epsilon_at(in.inputs(), k)).given;
    const bool masks = !in.given(masks_at(in.inputs())).is(0);
    if (epsilon != 0 && !masks) return where_less(zero, in.made(MadeOperand::Kind::mask, k), delta, zero);
    const Symbol drawn =
        masks ? in.made(MadeOperand::Kind::draw, k) : in.uniform(method, k, in.given(seed_at(in.inputs())));
    if (epsilon == 0) return where_less(drawn, in.number(density.given), delta, zero);
    const Symbol share =
        in.number(density.given - epsilon) + in.rounded(2 * epsilon) * in.made(MadeOperand::Kind::torch_rank, k);
    return where_less(drawn, share, delta, zero);
  }

  // With the roundings of mergekit; of an element that is alone it is density.
  template <typename T>
  static T share_at(const std::array<double, 2>& shares, uint64_t rank, uint64_t count) {
    const float place = count == 1 ? 0.5F : static_cast<float>(rank) / static_cast<float>(count - 1);
    return static_cast<T>(shares[0]) + static_cast<T>(shares[1]) * static_cast<T>(place);
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

  /// Of weights that are to be divided by their sum.
  static const char* weights_fault(std::span<const double> c) {
    const size_t inputs = inputs_of(c);
    if (c[normalize_at(inputs)] == 0) return nullptr;
    double sum = 0, magnitude = 0;
    for (size_t k = 1; k < inputs; ++k) {
      sum += c[k];
      magnitude += std::fabs(c[k]);
    }
    if (!std::isfinite(magnitude)) return "the weights are too large to be added up";
    if (std::fabs(sum) <= 1e-12 * magnitude)
      return "the weights of all but the first checkpoint sum to 0 and cannot be normalized; leave --normalize out";
    return nullptr;
  }

  /// A, and the weighted sum of what is kept. The divisor is added up as it is used, so that f32 has mergekit's.
  static Symbol added_up(const Tracing& in, const char* method) {
    Symbol sum = in.c(1) * kept(in, method, 1), divisor = in.number(in.given(1));
    for (size_t k = 2; k < in.inputs(); ++k) {
      sum = sum + in.c(k) * kept(in, method, k);
      divisor = divisor + in.number(in.given(k));
    }
    const bool divides = in.given(normalize_at(in.inputs())).value != 0;
    if (divides && sum.node->kind != SymbolNode::Kind::zero) sum = sum / divisor;
    return in.keeping_equal(in.x(0) + in.c(0) * sum);
  }

  /// A, and of the weighted sum of what is kept that of the elected sign.
  static Symbol elected_up(const Tracing& in, const char* method) {
    std::vector<Symbol> values;
    std::vector<Coefficient> weights;
    for (size_t k = 1; k < in.inputs(); ++k) {
      values.push_back(in.c(k) * kept(in, method, k));
      weights.push_back(in.given(k));
    }
    const Elected agreed = elected(in, values, weights);
    const bool divides = in.given(normalize_at(in.inputs())).value != 0;
    return in.keeping_equal(in.x(0) + in.c(0) * (divides ? agreed.sum / agreed.weights : agreed.sum));
  }
};

}  // namespace ckmerge
