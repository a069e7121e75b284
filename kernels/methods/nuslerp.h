// SPDX-License-Identifier: Apache-2.0
// nuslerp: the arc between two checkpoints, or between what they have beyond a third, of whole tensors, rows or
// columns. The angle comes from the distance of both, so that checkpoints that differ by a thousandth have theirs, too.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <vector>

#include "kernels/math.h"
#include "kernels/method.h"
#include "kernels/point_sums.h"

namespace ckmerge::method {

struct nuslerp {
  static constexpr MethodSpec spec{
      .name = "nuslerp",
      .summary = "the point on the arc between two checkpoints by their weights, or between their differences from A",
      .formula =
          "(sin((1 - t) * theta) * A + sin(t * theta) * B) / sin(theta), theta the angle between the two tensors and t "
          "= w2 / (w1 + w2); of three checkpoints A + (sin((1 - t) * theta) * (B - A) + sin(t * theta) * (C - A)) / "
          "sin(theta), theta that between the two differences and t = w3 / (w2 + w3); without flatten each row of a "
          "tensor has a theta of its own, with row_wise each column",
      .min_inputs = 2,
      .max_inputs = 3,
      .source = "mergekit's \"nuslerp\", of three checkpoints A is the base",
      .note =
          "Weights that sum to less than 1e-6 either way stand for t = 0.5, as in mergekit. Lengths count as 1e-7 at "
          "the least, so that a tensor of zeros is at a right angle to everything. The straight line is taken where "
          "the sine is below 1e-6, of tensors that are equal or opposite or nearly so, and where NaN or Inf leaves no "
          "angle; mergekit takes it for the former where the computed cosine is exactly 1 or -1, and has noise of full "
          "length for others that are opposite. Without flatten all of that is said of each vector of the last axis, "
          "with row_wise of each along the first one, which are columns of a matrix whatever mergekit calls them; a "
          "vector is one of either. Otherwise within 1e-6 of the tensor's largest element of mergekit's in f32.",
      .parameters = {{{"weights", ParameterKind::numbers, 0, "1 each",
                       "one weight per checkpoint; of three, that of A changes nothing", nullptr, kShare},
                      {"flatten", ParameterKind::flag, 1, "on", "take each tensor as one vector"},
                      {"row_wise", ParameterKind::flag, 0, "off",
                       "without flatten: take vectors along the first axis, not the last", "row-wise"}}},
      .parameter_count = 3};

  // math::sin must take any angle times this.
  static constexpr double kLargestT = 100'000;
  static_assert((kLargestT + 1) * 3.15 < math::kLargestAngle);

  // A share for every checkpoint, of which a base has none, and of what an angle is.
  static size_t coefficient_count(size_t inputs) { return inputs + 1; }

  static const char* coefficients(const Arguments& arguments, std::span<double> c) {
    const std::span<const double> weights = arguments.values[0].numbers;
    const bool flatten = arguments.values[1].number != 0, row_wise = arguments.values[2].number != 0;
    const size_t first = arguments.inputs - 2;
    const double one = weights.empty() ? 1 : weights[first], other = weights.empty() ? 1 : weights[first + 1];
    const double sum = one + other, t = std::fabs(sum) < 1e-6 ? 0.5 : other / sum;
    if (!std::isfinite(sum)) return "the weights are too large to be added up";
    if (!(std::fabs(t) <= kLargestT))
      return "the weights nearly cancel: their sum must be a hundred thousandth of each at least";
    if (flatten && row_wise)
      return "row_wise changes nothing while flatten is on; turn that off, or leave row_wise out";
    c[0] = 0;
    c[first] = 1 - t;
    c[first + 1] = t;
    c[first + 2] = static_cast<double>(flatten ? Over::tensor : row_wise ? Over::columns : Over::rows);
    return nullptr;
  }

  static Over over(double number) { return static_cast<Over>(static_cast<uint8_t>(number)); }

  static std::vector<Reduced> reductions(const Tracing& in) {
    std::vector<Reduced> all = point_reductions(in, in.inputs() - 2);
    for (Reduced& reduced : all) reduced.over = over(in.given(in.inputs()).given);
    return all;
  }

  static bool needs_statistics(std::span<const double> c) { return c[c.size() - 3] != 0 && c[c.size() - 2] != 0; }

  static constexpr double kLeastNorm = 1e-7, kLeastSine = 1e-6;

  // The coefficients of both by the sums of their points; nothing where the straight line is taken.
  static std::optional<std::array<double, 2>> arc(std::span<const double, 4> sums, double one_share, double t) {
    const double one = std::sqrt(sums[0]), other = std::sqrt(sums[1]);
    if (!std::ranges::all_of(sums, [](double sum) { return std::isfinite(sum); }) || sums[3] == 0) return std::nullopt;
    const double longer = std::max(one, other), shorter = std::min(one, other);
    double cosine = 0, squared_sine = 1;
    if (shorter > 0) {
      const double chord = squared_chord({one, other}, sums[2], sums[3]);
      const double share = std::min(shorter / kLeastNorm, 1.0) * std::min(longer / kLeastNorm, 1.0);
      cosine = share * (1 - chord / 2);
      squared_sine = share < 1 ? 1 - cosine * cosine : chord - chord * chord / 4;
    }
    if (squared_sine < kLeastSine * kLeastSine) return std::nullopt;
    const double theta = angle_of(cosine, squared_sine), sine = math::sin(theta);
    return std::array{math::sin(one_share * theta) / sine, math::sin(t * theta) / sine};
  }

  static void tensor_coefficients(std::span<const double> c, const TensorStatistics& found, std::span<double> out) {
    const auto both = arc(found.numbers.first<4>(), c[c.size() - 3], c[c.size() - 2]);
    if (both) std::ranges::copy(*both, out.begin() + static_cast<std::ptrdiff_t>(c.size()) - 3);
  }

  // Those of both; and whether elements that are equal in both stay as they are: as a straight line's do (0).
  static size_t line_coefficient_count(std::span<const double> c) {
    return over(c[c.size() - 1]) == Over::tensor ? 0 : 3;
  }

  static void line_coefficients(std::span<const double> c, const LineStatistics& found, std::span<double> out) {
    const auto both = arc(found.numbers.first<4>(), c[c.size() - 3], c[c.size() - 2]);
    out[0] = both ? (*both)[0] : c[c.size() - 3];
    out[1] = both ? (*both)[1] : c[c.size() - 2];
    out[2] = both ? 1 : 0;
  }

  static auto formula_of_lines(const auto& in) {
    if (in.inputs() == 3) return in.x(0) + (in.line(0) * (in.x(1) - in.x(0)) + in.line(1) * (in.x(2) - in.x(0)));
    constexpr double kLeastDifference = 0x1p-149;  // of two f32
    return where_less(absolute(in.x(1) - in.x(0)) + in.line(2), in.number(kLeastDifference), in.x(0),
                      in.line(0) * in.x(0) + in.line(1) * in.x(1));
  }

  static auto formula(const auto& in) {
    const size_t first = in.inputs() - 2;
    const bool is_an_end = in.given(first).is(0) || in.given(first + 1).is(0);
    if (!is_an_end && !in.given(in.inputs()).is(static_cast<double>(Over::tensor))) return formula_of_lines(in);
    if (first == 0) return in.c(0) * in.x(0) + in.c(1) * in.x(1);
    if (in.c(2).is(0)) return in.x(1);
    if (in.c(1).is(0)) return in.x(2);
    return in.x(0) + (in.c(1) * (in.x(1) - in.x(0)) + in.c(2) * (in.x(2) - in.x(0)));
  }
};

}  // namespace ckmerge::method
