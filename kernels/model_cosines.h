// SPDX-License-Identifier: Apache-2.0
// What cosine_a and cosine_b are: columns of both checkpoints are compared with each other, and their cosines with
// those of all columns of the model.
#pragma once

#include <cmath>
#include <vector>

#include "kernels/cosine_sums.h"

namespace ckmerge {

inline constexpr const char* kModelCosinesNote =
    "The ends are found exactly, once the columns of all tensors that are merged are known, so that no tile is written "
    "before all inputs were read; numbers of columns are kept meanwhile, in a scratch file where they are many. "
    "Columns of which one is zeros, or holds NaN or Inf, are not among them and count as unlike. A vector is one "
    "column. Where all columns have one cosine, within 1e-6, k is 0 up to it and 1 above, less |alpha|. Elements that "
    "are Inf in one "
    "have no value. A tensor whose |alpha| "
    "is 1 or more is B's: it is not compared, and its columns are not among those of the ends. The tools take the "
    "first stage (VAE) as an average and leave it out of the ends; here it is merged as all else, and --only tells "
    "what is meant.";

template <bool Columns>
struct ModelCosines {
  // |alpha|; what the tensor adds to a column's half; 1 over the range, and its least.
  static size_t coefficient_count(size_t) { return 4; }

  static const char* coefficients(const Arguments& arguments, std::span<double> c) {
    c[0] = std::fabs(arguments.values[0].number);
    c[1] = c[2] = c[3] = 0;
    return nullptr;
  }

  static bool needs_statistics(std::span<const double> c) { return c[0] < 1; }

  // Of columns: the cosine, NaN where there is none; the same, 0 there; whether both are more than zeros.
  enum Number : size_t { cosine, half, counts_x, counts_y, kNumbers };

  static std::vector<Reduced> reductions(const Tracing& in) {
    std::vector<Reduced> all = cosine_reductions(in.x(0), in.x(1), Over::columns);
    if (!Columns) {
      for (const Reduced& reduced : cosine_reductions(in.x(0), in.x(1), Over::tensor)) all.push_back(reduced);
      return all;
    }
    for (const Number number : {half, counts_x, counts_y}) all.push_back({.value = in.line(number), .round = 1});
    return all;
  }

  static size_t line_coefficient_count(std::span<const double>) { return kNumbers; }

  static void line_coefficients(std::span<const double>, const LineStatistics& found, std::span<double> out) {
    const double product = std::sqrt(found.numbers[0]) * std::sqrt(found.numbers[1]);
    const bool has = std::isfinite(found.numbers[2]) && std::isfinite(product) && product > 0;
    out[cosine] = has ? std::clamp(found.numbers[2] / product, -1.0, 1.0) : NAN;
    out[half] = has ? out[cosine] / 2 : 0;
    out[counts_x] = found.numbers[0] > 0 ? 1 : 0;
    out[counts_y] = found.numbers[1] > 0 ? 1 : 0;
  }

  // With columns of length 1 the tensors' product is the sum of their cosines, and each length the root of how many
  // there are; sums over elements have each column as often as it is long, which comes to nothing.
  static void tensor_coefficients(std::span<const double>, const TensorStatistics& found, std::span<double> out) {
    if (!Columns) {
      out[1] = cosine_of(found.numbers) / 2;
      return;
    }
    const double columns = std::sqrt(found.numbers[1]) * std::sqrt(found.numbers[2]);
    out[1] = columns > 0 ? found.numbers[0] / columns : 0;
  }

  static ModelRange model_range(std::span<const double>) {
    return {.line = cosine, .round = 0, .low = 0.01, .high = 0.99};
  }

  // Cosines so near to each other are one, since F32 rounds what k is made of; and what stands in place of 1 over a
  // range of nothing: F32 has it, times 1e-8, too.
  static constexpr double kOneCosine = 1e-6, kSteepest = 1e30;

  static void model_coefficients(std::span<const double>, const ModelStatistics& found, std::span<double> out) {
    const double range = found.most - found.least;
    const bool is_range = range > kOneCosine;
    out[2] = is_range ? 1 / range : kSteepest;
    out[3] = !std::isfinite(found.least) ? 0 : is_range ? found.least : found.most + kOneCosine;
  }

  static auto formula(const auto& in) {
    if (in.given(0).given >= 1) return in.x(1);
    const auto combined = in.line(half) + in.number(in.c(1));
    const auto place = in.c(2) * (combined - in.number(in.c(3))) - in.number(in.given(0));
    const auto k = smaller(larger(place, in.number(0.0)), in.number(1.0));
    return in.x(1) + k * (in.x(0) - in.x(1));
  }
};

}  // namespace ckmerge
