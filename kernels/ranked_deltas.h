// SPDX-License-Identifier: Apache-2.0
// Differences from a base of which elements are dropped at random, larger ones less often, as both methods of DELLA
// have them.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <vector>

#include "kernels/dropped_deltas.h"

namespace ckmerge {

/// DELLA, whose shares hang on ranks. `Method` has its name, `kElects` is whether signs are elected.
template <typename Method, bool kElects>
struct DellaMethod {
  static constexpr size_t kParameters = 10;

  /// `normalize` says what that does, `default_normalize` whether it is on.
  static constexpr std::array<ParameterSpec, kMaxParameters> parameters_with(const char* normalize, bool on) {
    const auto& dare = DroppedDeltas::parameters;
    return {{dare[0],
             dare[1],
             dare[2],
             dare[3],
             {"epsilon", ParameterKind::number, 0.15, "0.15",
              "how far the share of an element is from density: below it for the smallest, above it for the largest"},
             {"epsilons",
              ParameterKind::numbers,
              0,
              "epsilon each",
              "one epsilon per checkpoint, A's included",
              nullptr,
              {},
              1},
             {"normalize", ParameterKind::flag, on ? 1.0 : 0.0, on ? "on" : "off", normalize},
             dare[5],
             dare[6],
             kMasks}};
  }

  static size_t coefficient_count(size_t inputs) { return DroppedDeltas::coefficient_count(inputs); }
  static const char* coefficients(const Arguments& arguments, std::span<double> c) {
    const auto& values = arguments.values;
    const char* const fault = DroppedDeltas::fill({.alpha = values[0].number,
                                                   .weights = values[1].numbers,
                                                   .density = values[2].number,
                                                   .densities = values[3].numbers,
                                                   .epsilon = values[4].number,
                                                   .epsilons = values[5].numbers,
                                                   .normalize = values[6].number != 0,
                                                   .rescale = values[7].number != 0,
                                                   .seed = values[8].number,
                                                   .masks = values[9].number != 0},
                                                  arguments.inputs, c);
    return fault || kElects ? fault : DroppedDeltas::weights_fault(c);
  }
  static std::vector<MadeOperand> made(size_t inputs, std::span<const double> c) {
    return DroppedDeltas::made(inputs, c, Method::spec.name, false);
  }
  static std::vector<Reduced> reductions(const Tracing& in) { return DroppedDeltas::reductions(in, Method::spec.name); }
  static bool needs_statistics(std::span<const double> c) { return DroppedDeltas::needs_statistics(c); }
  static void tensor_coefficients(std::span<const double> c, const TensorStatistics& found, std::span<double> out) {
    DroppedDeltas::tensor_coefficients(c, found, out);
  }
  static Symbol formula(const Tracing& in) {
    return kElects ? DroppedDeltas::elected_up(in, Method::spec.name) : DroppedDeltas::added_up(in, Method::spec.name);
  }
};

}  // namespace ckmerge
