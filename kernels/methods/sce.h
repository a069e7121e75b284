// SPDX-License-Identifier: Apache-2.0
// sce: of the differences from a base those elements in which they differ most, added up by how large each checkpoint's
// differences are, in each element only those of one sign.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/method.h"

namespace ckmerge::method {

struct sce {
  static constexpr MethodSpec spec{
      .name = "sce",
      .summary =
          "A, and of what others have beyond it the elements in which they differ most, weighted by how much it is",
      .formula =
          "A + (w2 * s(B - A) + w3 * s(C - A) + ...) / (w2 + w3 + ...), where s keeps the elements of the largest "
          "variance over the checkpoints, a share select_topk of those in which it is not 0, and each w is the average "
          "square of what is kept, beside that of all; in each element only terms of the sign of their unweighted sum "
          "count, and only their weights",
      .min_inputs = 2,
      .max_inputs = 0,
      .source = "mergekit's \"sce\", of which A is the base; FuseChat 3.0's SCE (arXiv:2408.07990)",
      .note =
          "Reads the checkpoints up to six times, and twice where select_topk is 1, which keeps all elements, those "
          "without variance too. Of equal variances those of the lowest indices stay, with mergekit_order those that "
          "mergekit chooses, which computes them otherwise and counts the share in f32: they are then ordered in "
          "memory, one tensor at a time, which the plan tells and --memory must allow. A sum of 0 counts as plus. "
          "Weights are equal where the average squares add up to less than 1e-6, as in mergekit: those of most "
          "fine-tunes do. One checkpoint beside A has no variance: its difference is added as it is where select_topk "
          "is 1, and else nothing is. An element in which a checkpoint is NaN has the largest variance and stays NaN, "
          "and weights are equal then; mergekit makes all of the tensor NaN.",
      .parameters = {{{"select_topk", ParameterKind::number, 1, "1", "share of the elements that stay, from 0 to 1",
                       "select-topk"},
                      {"mergekit_order", ParameterKind::flag, 0, "off",
                       "of equal variances keep those that mergekit keeps, which orders one tensor at a time, 8 bytes "
                       "an element, of F64 16",
                       "mergekit-order"}}},
      .parameter_count = 2};

  // The share of elements, a weight for every checkpoint but A; then, of the variances, what Tracing::stays() wants;
  // and whether it is mergekit that chooses among equal ones.
  static size_t coefficient_count(size_t inputs) { return inputs + 3; }
  static size_t inputs_of(std::span<const double> c) { return c.size() - 3; }
  static bool is_cut(std::span<const double> c) { return c[0] < 1 && c.back() == 0; }

  static const char* coefficients(const Arguments& arguments, std::span<double> c) {
    const double share = arguments.values[0].number;
    if (share < 0 || share > 1) return "select_topk must lie between 0 and 1: it is a share of elements";
    std::fill(c.begin(), c.end(), 1.0 / std::max<double>(1, static_cast<double>(arguments.inputs) - 1));
    c[0] = share;
    c.back() = arguments.values[1].number;
    return nullptr;
  }

  static std::vector<MadeOperand> made(size_t inputs, std::span<const double> c) {
    if (c.back() == 0 || c[0] <= 0 || c[0] >= 1 || inputs <= 2) return {};
    MadeOperand one{.kind = MadeOperand::Kind::torch_variances};
    one.stays = {.shares = {c[0]}, .kept = kept_in_f32};
    return {one};
  }

  static bool needs_statistics(std::span<const double> c) { return c[0] > 0 && inputs_of(c) > 2; }

  static std::vector<Reduced> reductions(const Tracing& in) {
    std::vector<Reduced> all;
    const double share = in.given(0).given;
    const bool cuts = share < 1 && !has_order(in);
    if (cuts)
      all.push_back(
          {.value = variance(in), .how = Reduce::cut, .cut = {.shares = {share}, .kept = kept, .of_nonzero = true}});
    for (size_t k = 1; k < in.inputs(); ++k) {
      const Symbol delta = selected(in, k);
      all.push_back({.value = delta, .factor = delta, .round = static_cast<uint8_t>(cuts)});
    }
    return all;
  }

  // mergekit's: of less the weights are equal.
  static constexpr double kLeastSum = 1e-6;

  static void tensor_coefficients(std::span<const double> given, const TensorStatistics& found, std::span<double> out) {
    const size_t inputs = inputs_of(given);
    if (is_cut(given) && found.round == 0) {
      std::ranges::copy(found.numbers, out.begin() + static_cast<ptrdiff_t>(inputs));
      return;
    }
    double sum = 0;
    for (const double squares : found.numbers) sum += squares / static_cast<double>(found.count);
    if (!std::isfinite(sum) || sum < kLeastSum) return;
    for (size_t k = 1; k < inputs; ++k) out[k] = found.numbers[k - 1] / static_cast<double>(found.count) / sum;
  }

  static Symbol formula(const Tracing& in) {
    const double share = in.given(0).given;
    if (share <= 0 || (share < 1 && in.inputs() == 2)) return in.x(0);
    if (in.inputs() == 2) return in.keeping_equal(in.x(0) + (in.x(1) - in.x(0)));
    const Symbol zero = in.number(0.0);
    std::vector<Symbol> deltas;
    for (size_t k = 1; k < in.inputs(); ++k) deltas.push_back(selected(in, k));
    Symbol sum = deltas[0];
    for (size_t k = 1; k < deltas.size(); ++k) sum = sum + deltas[k];
    const auto side = [&](bool is_above) {
      Symbol terms = zero, weights = zero;
      for (size_t k = 0; k < deltas.size(); ++k) {
        const Coefficient weight = in.c(k + 1);
        const Symbol& delta = deltas[k];
        terms = terms + weight * (is_above ? larger(delta, zero) : smaller(delta, zero));
        weights = weights + (is_above ? where_less(zero, delta, in.number(weight), zero)
                                      : where_negative(delta, in.number(weight), zero));
      }
      return terms / larger(weights, in.number(kLeastSum));
    };
    return in.keeping_equal(in.x(0) + where_negative(sum, side(false), side(true)));
  }

 private:
  static uint64_t kept(const std::array<double, 2>& shares, uint64_t count) {
    return static_cast<uint64_t>(shares[0] * static_cast<double>(count));
  }

  // As mergekit, where both are tensors: one more or less than the above in some of a hundred, and more of very large
  // ones.
  static uint64_t kept_in_f32(const std::array<double, 2>& shares, uint64_t count) {
    return static_cast<uint64_t>(static_cast<float>(shares[0]) * static_cast<float>(count));
  }

  static bool has_order(const Tracing& in) { return !in.given(in.inputs() + 2).is(0); }

  // Of the differences over the checkpoints: from the first on, so that it is 0 where all are equal.
  static Symbol variance(const Tracing& in) {
    const Coefficient share = in.rounded(1.0 / static_cast<double>(in.inputs() - 1));
    const Symbol first = in.x(1) - in.x(0);
    std::vector<Symbol> beyond;
    for (size_t k = 2; k < in.inputs(); ++k) beyond.push_back((in.x(k) - in.x(0)) - first);
    Symbol mean = beyond[0];
    for (size_t k = 1; k < beyond.size(); ++k) mean = mean + beyond[k];
    mean = share * mean;
    Symbol sum = mean * mean;
    for (const Symbol& one : beyond) sum = sum + (one - mean) * (one - mean);
    return share * sum;
  }

  static Symbol selected(const Tracing& in, size_t k) {
    const Symbol delta = in.x(k) - in.x(0);
    if (in.given(0).given >= 1) return delta;
    const Symbol none = in.number(0.0);
    if (has_order(in)) return where_less(none, in.made(MadeOperand::Kind::torch_variances, 1), delta, none);
    const Coefficient least = in.c(in.inputs()), end = in.c(in.inputs() + 1);
    return where_negative(in.stays(variance(in), least, end), delta, none);
  }
};

}  // namespace ckmerge::method
