// SPDX-License-Identifier: Apache-2.0
// Methods of mergekit's that thin out the deltas from a base, weight what stays and add it up, with or without an
// election of signs. Their coefficients lie alike, so that they are written once.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "kernels/method.h"

namespace ckmerge {

/// Where the coefficients of such a method are. Checkpoint 0 is the base; the others count from 1.
struct SparseDeltas {
  size_t inputs;

  static constexpr size_t kAlpha = 0, kPerTensor = 5;  // besides that of all it has three for each input, and one
  size_t weight(size_t k) const { return k; }
  size_t normalize() const { return inputs; }
  size_t rescale() const { return inputs + 1; }
  size_t order() const { return inputs + 2; }
  size_t density(size_t k) const { return inputs + 2 + k; }
  size_t gamma(size_t k) const { return 2 * inputs + 1 + k; }
  // Known per tensor: what Tracing::stays() wants of the elements that stay, and of those beyond that go; and the
  // factor of what stays.
  size_t least(size_t k) const { return 3 * inputs + 1 + kPerTensor * (k - 1); }
  size_t end(size_t k) const { return least(k) + 1; }
  size_t outer_least(size_t k) const { return least(k) + 2; }
  size_t outer_end(size_t k) const { return least(k) + 3; }
  size_t factor(size_t k) const { return least(k) + 4; }

  static size_t count(size_t inputs) { return SparseDeltas{inputs}.least(inputs); }
  static SparseDeltas of(size_t count) { return {(count + kPerTensor - 1) / (3 + kPerTensor)}; }
};

/// How many elements of `count` a share is, as mergekit rounds it, but one at least: the share of a scalar is all of
/// it.
inline uint64_t elements_of(double share, uint64_t count) {
  return std::clamp<uint64_t>(static_cast<uint64_t>(share * static_cast<double>(count)), 1,
                              std::max<uint64_t>(1, count));
}

/// What of a delta stays: the largest magnitudes.
struct LargestStay {
  static constexpr bool kHasOuter = false;
  static uint64_t kept(const std::array<double, 2>& shares, uint64_t count) { return elements_of(shares[0], count); }
};

/// The largest magnitudes but the very largest, a share of gamma. Where both come to more than all, fewer of these go.
struct LargestButOutliersStay {
  static constexpr bool kHasOuter = true;
  static uint64_t outer(const std::array<double, 2>& shares, uint64_t count) {
    const auto outliers = static_cast<uint64_t>(shares[1] * static_cast<double>(count));
    return std::min(outliers, count - std::min(count, elements_of(shares[0], count)));
  }
  static uint64_t kept(const std::array<double, 2>& shares, uint64_t count) {
    return outer(shares, count) + elements_of(shares[0], count);
  }
};

/// One of them. `Stay` says what stays of a delta; `kElects`: only what has the sign of the weighted sum counts.
template <typename Stay, bool kElects>
struct SparseDeltaMethod {
  static size_t coefficient_count(size_t inputs) { return SparseDeltas::count(inputs); }

  /// The values of the parameters, in f64.
  struct Given {
    double alpha;
    std::span<const double> weights;  ///< empty: 1 each
    double density;
    std::span<const double> densities;  ///< empty: the one
    double gamma;
    std::span<const double> gammas;  ///< likewise
    bool normalize, rescale;
    bool order;  ///< equal magnitudes in mergekit's
  };
  static const char* fill(const Given& given, size_t inputs, std::span<double> c) {
    const SparseDeltas at{inputs};
    c[SparseDeltas::kAlpha] = given.alpha;
    c[at.normalize()] = given.normalize;
    c[at.rescale()] = given.rescale;
    c[at.order()] = given.order;
    for (size_t k = 1; k < inputs; ++k) {
      const double density = given.densities.empty() ? given.density : given.densities[k];
      const double gamma = given.gammas.empty() ? given.gamma : given.gammas[k];
      if (density < 0 || density > 1) return "density must lie between 0 and 1: it is a share of elements";
      if (gamma < 0 || gamma > 1) return "gamma must lie between 0 and 1: it is a share of elements";
      c[at.weight(k)] = given.weights.empty() ? 1 : given.weights[k];
      c[at.density(k)] = density;
      c[at.gamma(k)] = gamma;
      c[at.factor(k)] = 1;
    }
    return nullptr;
  }

  static bool is_thinned(double density) { return density > 0 && density < 1; }

  static bool needs_statistics(std::span<const double> c) {
    const SparseDeltas at = SparseDeltas::of(c.size());
    if (c[at.order()] != 0 && c[at.rescale()] == 0) return false;
    for (size_t k = 1; k < at.inputs; ++k)
      if (is_thinned(c[at.density(k)])) return true;
    return false;
  }

  /// mergekit sorts the larger ones first for ties, and the smaller ones for breadcrumbs, which is another order of
  /// equal ones.
  static std::vector<MadeOperand> made(size_t inputs, std::span<const double> c) {
    const SparseDeltas at{inputs};
    std::vector<MadeOperand> all;
    for (size_t k = 1; k < inputs && c[at.order()] != 0; ++k) {
      if (!is_thinned(c[at.density(k)])) continue;
      MadeOperand one{.kind = kStays, .input = k};
      one.stays = {.shares = {c[at.density(k)], c[at.gamma(k)]}, .kept = &Stay::kept};
      if constexpr (Stay::kHasOuter) one.stays.outer = &Stay::outer;
      all.push_back(one);
    }
    return all;
  }

  static std::vector<Reduced> reductions(const Tracing& in) {
    const SparseDeltas at{in.inputs()};
    std::vector<Reduced> all;
    for (size_t k = 1; k < at.inputs; ++k) {
      const double density = in.given(at.density(k)).given;
      if (!is_thinned(density)) continue;
      const Symbol delta = in.x(k) - in.x(0);
      const std::array<double, 2> shares = {density, in.given(at.gamma(k)).given};
      const bool cuts = in.given(at.order()).is(0);
      if (cuts) all.push_back({.value = delta, .how = Reduce::cut, .cut = {shares, &Stay::kept}});
      if constexpr (Stay::kHasOuter)
        if (cuts) all.push_back({.value = delta, .how = Reduce::cut, .cut = {shares, &Stay::outer}});
      if (in.given(at.rescale()).is(0)) continue;
      all.push_back({.value = absolute(delta)});
      all.push_back({.value = absolute(thinned(in, k)), .round = 1});
    }
    return all;
  }

  static void tensor_coefficients(std::span<const double> given, const TensorStatistics& found, std::span<double> out) {
    const SparseDeltas at = SparseDeltas::of(given.size());
    const bool rescales = given[at.rescale()] != 0;
    auto next = found.numbers.begin();
    for (size_t k = 1; k < at.inputs; ++k) {
      if (!is_thinned(given[at.density(k)])) continue;
      double& factor = out[at.factor(k)];
      if (found.round == 1) {
        const double kept = *next++, all = factor;
        const bool any = all >= 1e-7 && kept >= 1e-7 && all <= DBL_MAX;
        factor = any ? all / kept : 1;
        continue;
      }
      for (size_t slot = at.least(k); given[at.order()] == 0 && slot <= (Stay::kHasOuter ? at.outer_end(k) : at.end(k));
           ++slot)
        out[slot] = *next++;
      if (rescales) factor = *next++;
    }
  }

  static Symbol formula(const Tracing& in) {
    const SparseDeltas at{in.inputs()};
    std::vector<Symbol> weighted;
    for (size_t k = 1; k < at.inputs; ++k) weighted.push_back(in.given(at.weight(k)) * rescaled(in, k));
    const Symbol sum = kElects ? elected(in, weighted) : added(in, weighted);
    return in.keeping_equal(in.x(0) + in.given(SparseDeltas::kAlpha) * sum);
  }

 private:
  static constexpr MadeOperand::Kind kStays =
      Stay::kHasOuter ? MadeOperand::Kind::torch_stays_ascending : MadeOperand::Kind::torch_stays;

  // What stays of the k-th delta.
  static Symbol thinned(const Tracing& in, size_t k) {
    const SparseDeltas at{in.inputs()};
    const double density = in.given(at.density(k)).given;
    const Symbol delta = in.x(k) - in.x(0), none = in.number(0.0);
    if (density >= 1) return delta;
    if (density <= 0) return none;
    if (!in.given(at.order()).is(0)) return where_less(none, in.made(kStays, k), delta, none);
    const Symbol kept = where_negative(in.stays(delta, in.c(at.least(k)), in.c(at.end(k))), delta, none);
    if constexpr (!Stay::kHasOuter) return kept;
    return where_negative(in.stays(delta, in.c(at.outer_least(k)), in.c(at.outer_end(k))), none, kept);
  }

  static Symbol rescaled(const Tracing& in, size_t k) {
    const SparseDeltas at{in.inputs()};
    const bool rescales = !in.given(at.rescale()).is(0) && is_thinned(in.given(at.density(k)).given);
    return rescales ? in.c(at.factor(k)) * thinned(in, k) : thinned(in, k);
  }

  static Symbol total(const std::vector<Symbol>& terms) {
    Symbol sum = terms[0];
    for (size_t i = 1; i < terms.size(); ++i) sum = sum + terms[i];
    return sum;
  }

  // Divided by the sum of the weights, which is next to nothing where it is left out.
  static Symbol added(const Tracing& in, const std::vector<Symbol>& weighted) {
    const SparseDeltas at{in.inputs()};
    Coefficient weights = in.rounded(0);
    for (size_t k = 1; k < at.inputs; ++k) weights = in.rounded(weights.value + in.given(at.weight(k)).value);
    if (in.given(at.normalize()).is(0) || std::fabs(weights.value) < 1e-8) return total(weighted);
    return total(weighted) / in.number(weights);
  }

  // Of what has the sign of the sum, which is plus where that is 0; divided by the weights of that, unless they come to
  // 0.
  static Symbol elected(const Tracing& in, const std::vector<Symbol>& weighted) {
    const SparseDeltas at{in.inputs()};
    const Symbol sign = where_negative(total(weighted), in.number(-1.0), in.number(1.0)), none = in.number(0.0);
    std::vector<Symbol> counted, weights;
    bool any_negative = false;
    for (size_t k = 1; k < at.inputs; ++k) {
      const Coefficient weight = in.given(at.weight(k));
      const Symbol agrees = sign * weighted[k - 1];
      counted.push_back(where_negative(agrees, none, weighted[k - 1]));
      weights.push_back(where_negative(in.rounded(-1) * agrees, in.number(weight), none));
      any_negative = any_negative || weight.value < 0;
    }
    const Symbol sum = total(counted);
    if (in.given(at.normalize()).is(0)) return sum;
    const Symbol divisor = total(weights), magnitude = any_negative ? absolute(divisor) : divisor;
    return where_negative(in.rounded(-1) * magnitude, sum / divisor, sum);
  }
};

/// Of all of these methods.
inline constexpr ParameterSpec kMergekitOrder{
    "mergekit_order",
    ParameterKind::flag,
    0,
    "off",
    "of equal magnitudes keep those that mergekit keeps, which sorts one tensor at a time, 8 bytes an element "
    "and a quarter of one for each model",
    "mergekit-order"};

/// Breadcrumbs, whose parameters are those of ties and the share that goes for being the largest.
template <bool kElects>
struct BreadcrumbsMethod : SparseDeltaMethod<LargestButOutliersStay, kElects> {
  static constexpr size_t kParameters = 9;

  /// `normalize` says what that does.
  static constexpr std::array<ParameterSpec, kMaxParameters> parameters_with(const char* normalize) {
    return {
        {{"alpha", ParameterKind::number, 1, "1", "how much of the sum to add", nullptr, kShare},
         {"weights", ParameterKind::numbers, 0, "1 each", "one weight per checkpoint, A's included", nullptr, kShare,
          1},
         {"density", ParameterKind::number, 1, "1", "share of the elements that stay, from 0 to 1"},
         {"densities",
          ParameterKind::numbers,
          0,
          "density each",
          "one density per checkpoint, A's included",
          nullptr,
          {},
          1},
         {"gamma", ParameterKind::number, 0.01, "0.01",
          "share of the elements that go for being the largest, from 0 to 1"},
         {"gammas", ParameterKind::numbers, 0, "gamma each", "one gamma per checkpoint, A's included", nullptr, {}, 1},
         {"normalize", ParameterKind::flag, 0, "off", normalize},
         {"rescale", ParameterKind::flag, 0, "off", "make up for the magnitudes that do not stay"},
         kMergekitOrder}};
  }

  static const char* coefficients(const Arguments& arguments, std::span<double> c) {
    const auto& values = arguments.values;
    return BreadcrumbsMethod::fill({.alpha = values[0].number,
                                    .weights = values[1].numbers,
                                    .density = values[2].number,
                                    .densities = values[3].numbers,
                                    .gamma = values[4].number,
                                    .gammas = values[5].numbers,
                                    .normalize = values[6].number != 0,
                                    .rescale = values[7].number != 0,
                                    .order = values[8].number != 0},
                                   arguments.inputs, c);
  }
};

}  // namespace ckmerge
