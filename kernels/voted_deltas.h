// SPDX-License-Identifier: Apache-2.0
// Methods of sd-mecha's that keep the largest of the deltas from a base, vote for a sign in each element and make one
// delta of those that have it. Their coefficients lie alike, so that they are written once.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "kernels/method.h"
#include "kernels/methods/geometric_median.h"
#include "kernels/methods/model_stock.h"

namespace ckmerge {

/// Where the coefficients of such a method are. Checkpoint 0 is the base; the others count from 1.
struct VotedDeltas {
  size_t inputs;

  enum : size_t {
    kAlpha,
    kShare,
    kVotesBySize,
    kStock,
    kMedian,
    kEps,
    kMaxIter,
    kFtol,
    kUndropped,
    kRankEps,
    kSeed,
    kFactor
  };
  static constexpr size_t kFixed = kFactor + 1, kPerTensor = 3;
  // Known per tensor: what Tracing::stays() wants, and the weight of a median's point; kFactor, too, which is
  // model_stock's.
  size_t least(size_t k) const { return kFixed + kPerTensor * (k - 1); }
  size_t end(size_t k) const { return least(k) + 1; }
  size_t weight(size_t k) const { return least(k) + 2; }

  static size_t count(size_t inputs) { return VotedDeltas{inputs}.least(inputs); }
  static VotedDeltas of(size_t count) { return {(count - kFixed) / kPerTensor + 1}; }
};

/// What they have in common. A name is that of the masks.
struct VotedDeltaMethod {
  static size_t coefficient_count(size_t inputs) { return VotedDeltas::count(inputs); }

  /// The values of the parameters, in f64.
  struct Given {
    double alpha, share;
    bool votes_by_size;
    bool stock = false, median = false;
    double eps = 1e-6, max_iter = 100, ftol = 1e-20;
    double probability = 0;  ///< of being dropped
    double rank_eps = 0;     ///< by how much more for the smallest than for the largest
    bool rescale = false;
    double seed = 0;
  };
  static const char* fill(const Given& given, size_t inputs, std::span<double> c) {
    if (given.share < 0 || given.share > 1) return "k must lie between 0 and 1: it is a share of elements";
    if (given.probability < 0 || given.probability > 1) return "probability must lie between 0 and 1";
    if (given.seed < 0 || given.seed >= 0x1p53 || given.seed != static_cast<double>(static_cast<uint64_t>(given.seed)))
      return "seed must be a whole number from 0 to 2^53 - 1";
    if (given.stock && given.median) return "apply_stock and apply_median say what becomes of the sum; give one";
    if (given.stock && inputs < 3) return "apply_stock needs two checkpoints beside A, whose differences agree or not";
    const VotedDeltas at{inputs};
    const double kept = 1 - given.probability;
    std::ranges::fill(c, 1 / static_cast<double>(inputs - 1));
    c[VotedDeltas::kAlpha] = given.rescale && kept > 0 ? given.alpha / kept : given.alpha;
    c[VotedDeltas::kShare] = given.share;
    c[VotedDeltas::kVotesBySize] = given.votes_by_size;
    c[VotedDeltas::kStock] = given.stock;
    c[VotedDeltas::kMedian] = given.median && inputs > 2;
    c[VotedDeltas::kEps] = given.eps;
    c[VotedDeltas::kMaxIter] = given.max_iter;
    c[VotedDeltas::kFtol] = given.ftol;
    c[VotedDeltas::kUndropped] = kept;
    c[VotedDeltas::kRankEps] = given.rank_eps;
    c[VotedDeltas::kSeed] = given.seed;
    c[VotedDeltas::kFactor] = given.stock ? 0 : 1;
    for (size_t k = 1; k < inputs; ++k) c[at.least(k)] = c[at.end(k)] = 0;
    if (!given.median) return nullptr;
    std::vector<double> median(inputs - 1 + 3);
    return method::geometric_median::coefficients(
        {.values = {{{given.eps}, {given.max_iter}, {given.ftol}}}, .inputs = inputs - 1}, median);
  }

  /// Masks where shares of elements hang on ranks.
  static std::vector<MadeOperand> masks(size_t inputs, std::span<const double> c, const char* name) {
    std::vector<MadeOperand> all;
    if (c[VotedDeltas::kRankEps] == 0 || c[VotedDeltas::kUndropped] <= 0) return all;
    for (size_t k = 1; k < inputs; ++k)
      all.push_back({.kind = MadeOperand::Kind::mask,
                     .input = k,
                     .mask = {.method = name,
                              .shares = {c[VotedDeltas::kUndropped], c[VotedDeltas::kRankEps]},
                              .share32 = share_at<float>,
                              .share64 = share_at<double>,
                              .of_whole = true},
                     .seed = c[VotedDeltas::kSeed]});
    return all;
  }

  /// sd-mecha's, whose ranks count from 1.
  template <typename T>
  static T share_at(const std::array<double, 2>& shares, uint64_t rank, uint64_t count) {
    const auto n = static_cast<double>(count);
    const double place = static_cast<double>(rank + 1) / n - (n + 1) / (2 * n);
    return static_cast<T>(std::clamp(shares[0] + shares[1] * place, 0.0, 1.0));
  }

  static bool needs_statistics(std::span<const double> c) {
    return c[VotedDeltas::kUndropped] > 0 &&
           (c[VotedDeltas::kShare] < 1 || c[VotedDeltas::kStock] != 0 || c[VotedDeltas::kMedian] != 0);
  }

  /// The number of the largest magnitudes that stay: sd-mecha's, which takes the smallest of them by its rank from
  /// below.
  static uint64_t kept(const std::array<double, 2>& shares, uint64_t count) {
    const auto rank = static_cast<uint64_t>((1 - shares[0]) * static_cast<double>(count));
    return count - std::min(count, std::max<uint64_t>(rank, 1) - 1);
  }

  static std::vector<Reduced> reductions(const Tracing& in, const char* name) {
    std::vector<Reduced> all;
    const double share = in.given(VotedDeltas::kShare).given;
    for (size_t k = 1; k < in.inputs() && share < 1; ++k)
      all.push_back({.value = undropped(in, name, k),
                     .how = Reduce::cut,
                     .cut = {.shares = {share}, .kept = kept, .keeps_equal = true}});
    const bool stock = !in.given(VotedDeltas::kStock).is(0);
    if (!stock && in.given(VotedDeltas::kMedian).is(0)) return all;
    const auto round = static_cast<uint8_t>(share < 1);
    const std::vector<Symbol> points = elected(in, name).deltas;
    for (size_t i = 0; i < points.size(); ++i)
      for (size_t j = stock ? i : i + 1; j < points.size(); ++j) {
        const Symbol apart = points[i] - points[j];
        all.push_back(stock ? Reduced{.value = points[i], .factor = points[j], .round = round}
                            : Reduced{.value = apart, .factor = apart, .round = round});
      }
    return all;
  }

  static void tensor_coefficients(std::span<const double> given, const TensorStatistics& found, std::span<double> out) {
    const VotedDeltas at = VotedDeltas::of(given.size());
    const size_t points = at.inputs - 1;
    if (given[VotedDeltas::kShare] < 1 && found.round == 0) {
      for (size_t k = 1; k < at.inputs; ++k)
        for (size_t i = 0; i < 2; ++i) out[at.least(k) + i] = found.numbers[2 * (k - 1) + i];
    } else if (given[VotedDeltas::kStock] != 0) {
      double& factor = out[VotedDeltas::kFactor];
      method::model_stock::tensor_coefficients(given, found, {&factor, 1});
      factor *= static_cast<double>(points);  // that is of the sum, and this of the average
    } else {
      std::vector<double> c(points, 1 / static_cast<double>(points));
      for (const size_t i : {VotedDeltas::kEps, VotedDeltas::kMaxIter, VotedDeltas::kFtol}) c.push_back(given[i]);
      std::vector<double> weights = c;
      method::geometric_median::tensor_coefficients(c, found, weights);
      for (size_t k = 1; k < at.inputs; ++k) out[at.weight(k)] = weights[k - 1];
    }
  }

  static Symbol formula(const Tracing& in, const char* name) {
    const VotedDeltas at{in.inputs()};
    if (in.given(VotedDeltas::kUndropped).given <= 0) return in.x(0);
    const Elected of = elected(in, name);
    Symbol sum = of.average;
    if (!in.given(VotedDeltas::kMedian).is(0)) {
      sum = in.c(at.weight(1)) * of.deltas[0];
      for (size_t k = 2; k < in.inputs(); ++k) sum = sum + in.c(at.weight(k)) * of.deltas[k - 1];
    }
    if (!in.given(VotedDeltas::kStock).is(0)) sum = in.c(VotedDeltas::kFactor) * sum;
    return in.keeping_equal(in.x(0) + in.given(VotedDeltas::kAlpha) * sum);
  }

 private:
  static Symbol undropped(const Tracing& in, const char* name, size_t k) {
    const Symbol delta = in.x(k) - in.x(0), zero = in.number(0.0);
    if (!in.given(VotedDeltas::kRankEps).is(0))
      return where_less(zero, in.made(MadeOperand::Kind::mask, k), delta, zero);
    const Coefficient share = in.given(VotedDeltas::kUndropped);
    if (share.given >= 1) return delta;
    const Symbol number = in.uniform(name, k, in.given(VotedDeltas::kSeed));
    return where_less(number, in.number(share), delta, zero);
  }

  static Symbol largest(const Tracing& in, const char* name, size_t k) {
    const VotedDeltas at{in.inputs()};
    const Symbol delta = undropped(in, name, k);
    if (in.given(VotedDeltas::kShare).given >= 1) return delta;
    return where_negative(in.stays(delta, in.c(at.least(k)), in.c(at.end(k))), delta, in.number(0.0));
  }

  struct Elected {
    std::vector<Symbol> deltas;  ///< where they have the elected sign, else 0
    Symbol average;              ///< of those that do
  };

  // A vote that comes to 0 elects nothing, and is the value then; one that is NaN likewise.
  static Elected elected(const Tracing& in, const char* name) {
    const Symbol zero = in.number(0.0), one = in.number(1.0), minus = in.number(-1.0);
    const bool by_size = !in.given(VotedDeltas::kVotesBySize).is(0);
    std::vector<Symbol> deltas;
    Symbol vote = zero, above = zero, below = zero, count_above = zero, count_below = zero;
    for (size_t k = 1; k < in.inputs(); ++k) {
      const Symbol delta = largest(in, name, k);
      const Symbol sign = where_less(zero, delta, one, where_negative(delta, minus, delta));
      vote = vote + (by_size ? delta : sign);
      above = above + larger(delta, zero);
      below = below + smaller(delta, zero);
      count_above = count_above + where_less(zero, delta, one, zero);
      count_below = count_below + where_negative(delta, one, zero);
      deltas.push_back(delta);
    }
    const auto by_vote = [&](Symbol plus, Symbol minus_side) {
      return where_less(zero, vote, plus, where_negative(vote, minus_side, vote));
    };
    Elected all{.deltas = {}, .average = by_vote(above / count_above, below / count_below)};
    for (const Symbol& delta : deltas) all.deltas.push_back(by_vote(larger(delta, zero), smaller(delta, zero)));
    return all;
  }
};

}  // namespace ckmerge
