// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/method.h"
#include "kernels/shared_deltas.h"

namespace ckmerge::method {

struct ramplus_tl {
  static constexpr MethodSpec spec{
      .name = "ramplus_tl",
      .summary = "ram, in which changes that one checkpoint has alone count more the more of its changes others share",
      .formula =
          "A + the changes of B - A, C - A, ...: where several are larger than epsilon either way their average, where "
          "one is that one times 1 + r * min(shared / max(alone, epsilon), alpha), by the numbers of elements that its "
          "checkpoint changes with others and alone in the tensor",
      .min_inputs = 2,
      .max_inputs = 0,
      .source = "mergekit's \"ramplus_tl\", of which A is the base; Reinforced Agent Merging (arXiv:2601.13572)",
      .note =
          "Reads the checkpoints twice. Changes up to epsilon are left out. Within 1e-6 of the tensor's largest "
          "element "
          "of mergekit's in f32, which is F32 there whatever dtype is asked for.",
      .parameters = {{{"r", ParameterKind::number, 0.1, "0.1", "how much more, at most times alpha"},
                      {"alpha", ParameterKind::number, 0.2, "0.2", "up to which ratio of shared changes to others"},
                      {"epsilon", ParameterKind::number, 1e-5, "0.00001", "how large a difference is no change yet"}}},
      .parameter_count = 3};

  // A factor for every checkpoint but the first, of which epsilon is in the place; then r and alpha.
  static size_t coefficient_count(size_t inputs) { return inputs + 2; }

  static const char* coefficients(const Arguments& arguments, std::span<double> c) {
    const double epsilon = arguments.values[2].number;
    for (double& factor : c) factor = 1;
    c[0] = epsilon;
    c[arguments.inputs] = arguments.values[0].number;
    c[arguments.inputs + 1] = arguments.values[1].number;
    if (c[arguments.inputs + 1] < 0) return "alpha is the most that a ratio counts and must not be below 0";
    return epsilon < 0 ? "epsilon is a distance and must not be below 0" : nullptr;
  }

  // Of each checkpoint how many elements it changes with others, and how many alone.
  static std::vector<Reduced> reductions(const Tracing& in) {
    const SharedDeltas shared = shared_deltas(in, in.given(0));
    const Symbol zero = in.number(0.0);
    std::vector<Reduced> all;
    for (const Symbol& change : shared.changes) {
      all.push_back({.value = where_alone(in, shared, zero, change)});
      all.push_back({.value = where_alone(in, shared, change, zero)});
    }
    return all;
  }

  static bool needs_statistics(std::span<const double> c) {
    return c.size() > 4 && c[c.size() - 2] != 0 && c[c.size() - 1] != 0;  // of one beside A nothing is shared
  }

  static void tensor_coefficients(std::span<const double> c, const TensorStatistics& found, std::span<double> out) {
    const size_t inputs = c.size() - 2;
    for (size_t k = 1; k < inputs; ++k) {
      const double shared = found.numbers[2 * (k - 1)], alone = std::max(found.numbers[2 * (k - 1) + 1], c[0]);
      const double ratio = shared == 0 ? 0 : std::min(shared / alone, c[inputs + 1]);
      out[k] = 1 + c[inputs] * ratio;
    }
  }

  static auto formula(const auto& in) {
    const SharedDeltas shared = shared_deltas(in, in.given(0));
    auto sum = in.number(0.0);
    for (size_t k = 0; k < shared.deltas.size(); ++k)
      sum = sum + where_alone(in, shared, in.c(k + 1) * shared.deltas[k], share_of(in, shared, k));
    return in.keeping_equal(in.x(0) + sum);
  }
};

}  // namespace ckmerge::method
