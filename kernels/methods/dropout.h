// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/method.h"

namespace ckmerge::method {

struct dropout {
  static constexpr MethodSpec spec{
      .name = "dropout",
      .summary = "A, and a random share of the elements of what other checkpoints have beyond it, the others dropped",
      .formula =
          "A + alpha * (m2 * (B - A) + m3 * (C - A) + ...) / density, each m 1 with the probability density and else "
          "0; of one delta or checkpoint alone alpha * m * A / density",
      .min_inputs = 1,
      .max_inputs = 0,
      .source = "DARE (arXiv:2311.03099); sd-mecha's \"dropout\"",
      .note =
          "Masks hang on seed, tensor name, place of the checkpoint among the inputs and index of the element, and on "
          "nothing else: no other seed, tensor or checkpoint has the same, and any machine makes them again. They are "
          "not those of other programs. In a formula dropout(B - A) of a delta is a delta; two of them with one seed "
          "drop the same elements. mergekit's \"dare_linear\" divides by what is left of the sum of magnitudes instead "
          "of by density. NaN of what is dropped does not count. sd-mecha's probability is 1 - density, and where "
          "several are kept in an element it takes their average: overlap_average does, too.",
      .parameters = {{{"density", ParameterKind::number, 0.1, "0.1", "share of elements that are kept, from 0 to 1"},
                      {"alpha", ParameterKind::number, 1, "1", "how much of what is kept to add", nullptr, kShare},
                      {"seed", ParameterKind::number, 0, "0", "which masks: a whole number from 0"},
                      {"rescale", ParameterKind::flag, 1, "on", "divide by density, which keeps the average"},
                      {"overlap_average", ParameterKind::flag, 0, "off",
                       "of what several keep in an element the average, not the sum", "overlap-average"}}},
      .parameter_count = 5};

  static size_t coefficient_count(size_t) { return 4; }

  static const char* coefficients(const Arguments& arguments, std::span<double> c) {
    const double density = arguments.values[0].number, seed = arguments.values[2].number;
    if (density < 0 || density > 1) return "density must lie between 0 and 1: it is a share of elements";
    if (seed < 0 || seed >= 0x1p53 || seed != static_cast<double>(static_cast<uint64_t>(seed)))
      return "seed must be a whole number from 0 to 2^53 - 1";
    c[0] = density;
    c[1] = arguments.values[1].number;
    if (arguments.values[3].number != 0 && density > 0) c[1] /= density;
    c[2] = seed;
    c[3] = arguments.values[4].number;
    return nullptr;
  }

  // What is dropped leaves the sum as it is, to the bit.
  static auto formula(const auto& in) {
    const auto kept = [&](size_t k, auto then, auto otherwise) {
      if (in.c(0).is(1)) return then;
      if (in.c(0).is(0)) return otherwise;
      return where_less(in.uniform(spec.name, k, in.c(2)), in.number(in.c(0)), then, otherwise);
    };
    if (in.inputs() == 1) return kept(0, in.c(1) * in.x(0), in.number(0.0));
    if (!in.c(3).is(0) && !in.c(0).is(0)) return averaged(in, kept);
    auto sum = in.x(0);
    for (size_t k = 1; k < in.inputs(); ++k) sum = kept(k, sum + in.c(1) * (in.x(k) - in.x(0)), sum);
    return sum;
  }

 private:
  static auto averaged(const auto& in, const auto& kept) {
    const auto zero = in.number(0.0), one = in.number(1.0);
    auto sum = zero, count = zero;
    for (size_t k = 1; k < in.inputs(); ++k) {
      sum = sum + kept(k, in.x(k) - in.x(0), zero);
      count = count + kept(k, one, zero);
    }
    return in.keeping_equal(in.x(0) + in.c(1) * where_less(zero, count, sum / count, zero));
  }
};

}  // namespace ckmerge::method
